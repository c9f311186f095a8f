"""Teaching, as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class TeachingConfig(AppConfig):
    name = "webapp.teaching"
    verbose_name = gettext_lazy("Teaching")
