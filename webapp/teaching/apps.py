"""Teaching, as Django knows it."""

from django.apps import AppConfig


class TeachingConfig(AppConfig):
    name = "webapp.teaching"
