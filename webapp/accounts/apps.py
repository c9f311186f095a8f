"""Accounts: schools and the people who teach there."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class AccountsConfig(AppConfig):
    name = "webapp.accounts"
    verbose_name = gettext_lazy("Accounts")

    def ready(self) -> None:
        from django.contrib.auth.models import update_last_login
        from django.contrib.auth.signals import user_logged_in

        # Registered by being imported: what happens at a sign-in, and what letters say.
        from webapp.accounts import devices, guessing, letters, sign_ins  # noqa: F401

        # A sign-in must not write the user's row: on another host somebody may be changing that
        # row just now, and the last writer would win. The session row says who signed in when.
        user_logged_in.disconnect(update_last_login, dispatch_uid="update_last_login")
