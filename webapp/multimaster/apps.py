"""The backend as an app, so that its system checks are found."""

from django.apps import AppConfig


class MultimasterConfig(AppConfig):
    name = "webapp.multimaster"
    label = "multimaster"
    verbose_name = "Multi-master database"

    def ready(self) -> None:
        from webapp.multimaster import checks  # noqa: F401  registers them
