"""`manage.py lint_migrations`: what can't be done online, or not on a mesh. Ends with 1 when there is an error."""

from collections.abc import Container
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

LIBRARY = "django-migration-linter"


class Command(BaseCommand):
    help = "Say what in migrations can't be done online, or not on a mesh. Needs no database."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "app_label",
            nargs="?",
            help="all migrations of this app (default: of all apps of the project's own)",
        )
        parser.add_argument("migration_name", nargs="?", help="this one; its first letters will do")
        parser.add_argument(
            "--unapplied",
            action="store_true",
            help="what `migrate` would run now, of other people's apps too; this asks the database",
        )
        parser.add_argument(
            "--database", default=DEFAULT_DB_ALIAS, help="whose migrations (default: default)"
        )

    def handle(self, *, app_label, migration_name, unapplied, database, verbosity, **options):
        if find_spec("django_migration_linter") is None:
            raise CommandError(
                f"lint_migrations needs the package {LIBRARY}: pip install {LIBRARY}"
            )
        if database not in connections:
            known = ", ".join(connections)
            raise CommandError(f"there is no database {database!r}; the settings have {known}")
        from webapp.multimaster.lint.run import Linter

        linter = Linter(database)
        migrations = _chosen(linter.migration_loader, app_label, migration_name, unapplied)
        if unapplied:
            done = _applied(database)
            migrations = [m for m in migrations if (m.app_label, m.name) not in done]
        errors = 0
        for migration in migrations:
            for finding in linter.findings(migration):
                errors += finding.is_error
                if finding.ignored is None or verbosity > 1:
                    style = self.style.ERROR if finding.is_error else self.style.WARNING
                    self.stdout.write(style(str(finding)))
        if errors:
            raise CommandError(f"{errors} errors in {len(migrations)} migrations")
        self.stdout.write(f"{len(migrations)} migrations, no errors")


def _chosen(
    loader: MigrationLoader, app_label: str | None, name: str | None, all_apps: bool
) -> list[Migration]:
    """The migrations that are meant, by app and name. Raises CommandError when there is no such app or migration."""
    known = loader.disk_migrations
    if app_label and app_label not in {app for app, _ in known}:
        raise CommandError(f"there is no app {app_label!r} with migrations")
    if name and app_label:
        try:
            return [loader.get_migration_by_prefix(app_label, name)]
        except (KeyError, ValueError) as error:
            raise CommandError(f"{app_label} has no one migration {name!r}: {error}") from None
    return [
        known[key]
        for key in sorted(known)
        if key[0] == app_label or (not app_label and (all_apps or _is_own(known[key])))
    ]


def _applied(database: str) -> Container[tuple[str, str]]:
    """App and name of each migration that the database has had. Raises CommandError when it can't be asked."""
    try:
        return MigrationRecorder(connections[database]).applied_migrations()
    except OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise CommandError(
            f"--unapplied asks the database {database!r}, which does not answer: {reason}"
        ) from None


def _is_own(migration: Migration) -> bool:
    """Whether its file belongs to the project, not to an installed package."""
    path = Path(import_module(migration.__module__).__file__ or "")
    return not {"site-packages", "dist-packages"} & set(path.parts)
