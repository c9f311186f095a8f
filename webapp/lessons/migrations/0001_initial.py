import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import webapp.api.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Import",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        editable=False,
                        help_text="made by the client",
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("content_sha256", models.CharField(max_length=64)),
                ("answer", models.JSONField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="imports",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Lesson",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=webapp.api.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("markdown", models.TextField(blank=True)),
                (
                    "version",
                    models.UUIDField(
                        default=webapp.api.ids.uuid7,
                        editable=False,
                        help_text="made by the client for each save",
                    ),
                ),
                ("slide_count", models.PositiveIntegerField(default=0, editable=False)),
                ("updated_at", models.DateTimeField(editable=False)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lessons",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["owner", "-updated_at"], name="lesson_newest")],
            },
        ),
    ]
