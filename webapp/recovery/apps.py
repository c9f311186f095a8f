from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class RecoveryConfig(AppConfig):
    name = "webapp.recovery"
    verbose_name = gettext_lazy("Recovery")
