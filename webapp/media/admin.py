"""Media rows in Django's admin, for reading: a file's name is its content."""

from django.contrib import admin
from django.http import HttpRequest

from webapp.media.models import MediaFile


@admin.register(MediaFile)
class MediaFileAdmin(admin.ModelAdmin):
    list_display = ["name", "size", "created_at"]
    search_fields = ["name"]
    readonly_fields = ["name", "size", "created_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
