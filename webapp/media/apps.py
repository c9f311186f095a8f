"""Media, as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class MediaConfig(AppConfig):
    name = "webapp.media"
    verbose_name = gettext_lazy("Media")
