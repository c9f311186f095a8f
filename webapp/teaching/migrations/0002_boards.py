import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("teaching", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="teachingsession",
            name="boards_forgotten_at",
            field=models.DateTimeField(
                blank=True,
                help_text="Boards that were paired before have no access any more.",
                null=True,
            ),
        ),
        migrations.CreateModel(
            name="ForgottenBoard",
            fields=[
                ("pairing", models.UUIDField(primary_key=True, serialize=False)),
                ("forgotten_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["forgotten_at"], name="teaching_forgotten_lately")
                ],
            },
        ),
        migrations.CreateModel(
            name="RememberedBoard",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                (
                    "board",
                    models.UUIDField(
                        help_text="The browser that was paired; realtime gave it this id."
                    ),
                ),
                (
                    "name",
                    models.CharField(help_text="What the teacher calls the room.", max_length=60),
                ),
                ("remembered_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "forgotten_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="Only a pairing after this has it remembered again.",
                        null=True,
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="boards",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["board"], name="teaching_remembered_board")],
            },
        ),
    ]
