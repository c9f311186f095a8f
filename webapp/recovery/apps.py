from django.apps import AppConfig


class RecoveryConfig(AppConfig):
    name = "webapp.recovery"
    verbose_name = "Recovery"
