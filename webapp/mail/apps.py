"""Mail: letters that were promised, this host's outbox, the providers that carry it."""

from django.apps import AppConfig


class MailConfig(AppConfig):
    name = "webapp.mail"
