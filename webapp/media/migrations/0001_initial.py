from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies: list[tuple[str, str]] = []

    operations = [
        migrations.CreateModel(
            name="MediaFile",
            fields=[
                (
                    "name",
                    models.CharField(
                        help_text="<sha256>.<extension>",
                        max_length=80,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("size", models.PositiveBigIntegerField(help_text="bytes")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
    ]
