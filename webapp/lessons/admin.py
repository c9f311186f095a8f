"""Lessons and imports in Django's admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from webapp.api.ids import uuid7
from webapp.lessons.deck import parse_deck
from webapp.lessons.models import Import, Lesson, Share


@admin.register(Lesson)
class LessonAdmin(admin.ModelAdmin):
    list_display = ["title", "owner", "slide_count", "updated_at"]
    list_select_related = ["owner"]
    search_fields = ["title", "owner__username"]
    raw_id_fields = ["owner"]
    readonly_fields = ["id", "version", "slide_count", "updated_at"]

    def save_model(self, request: HttpRequest, obj: Lesson, form: Any, change: bool) -> None:
        # A new version, or a teacher's page that is open just now would overwrite this unasked.
        obj.version = uuid7()
        # Browsers send forms with other line ends.
        obj.markdown = obj.markdown.replace("\r\n", "\n")
        obj.slide_count = len(parse_deck(obj.markdown).slides)
        obj.updated_at = timezone.now()
        super().save_model(request, obj, form, change)


@admin.register(Share)
class ShareAdmin(admin.ModelAdmin):
    list_display = ["lesson", "school", "shared_at"]
    list_select_related = ["lesson", "school"]
    raw_id_fields = ["lesson"]


@admin.register(Import)
class ImportAdmin(admin.ModelAdmin):
    list_display = ["id", "owner", "created_at"]
    list_select_related = ["owner"]
    readonly_fields = ["id", "owner", "content_sha256", "answer", "created_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
