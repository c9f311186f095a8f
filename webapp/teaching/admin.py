"""Teaching sessions in Django's admin.

Snapshots are not here: Django's admin can't show models with a composite primary key, and their
bytes say nothing to a person.
"""

from django.contrib import admin

from webapp.teaching.models import RememberedBoard, TeachingSession


@admin.register(TeachingSession)
class TeachingSessionAdmin(admin.ModelAdmin):
    list_display = ["id", "owner", "lesson", "updated_at"]
    list_select_related = ["owner", "lesson"]
    raw_id_fields = ["owner", "lesson"]
    readonly_fields = ["id", "created_at", "boards_forgotten_at"]


@admin.register(RememberedBoard)
class RememberedBoardAdmin(admin.ModelAdmin):
    list_display = ["name", "owner", "board", "remembered_at", "forgotten_at"]
    list_select_related = ["owner"]
    raw_id_fields = ["owner"]
    readonly_fields = ["id", "board", "remembered_at", "forgotten_at"]
