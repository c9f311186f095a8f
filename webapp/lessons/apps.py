"""Lessons, as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class LessonsConfig(AppConfig):
    name = "webapp.lessons"
    verbose_name = gettext_lazy("Lessons")
