"""Django's `makemessages`, which also finds the sentences of `Message("…")`. `bin/languages --update` runs it."""

from django.core.management.commands import makemessages


class Command(makemessages.Command):
    xgettext_options = [*makemessages.Command.xgettext_options, "--keyword=Message"]
