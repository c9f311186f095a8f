"""Media, as Django knows it."""

from django.apps import AppConfig


class MediaConfig(AppConfig):
    name = "webapp.media"
