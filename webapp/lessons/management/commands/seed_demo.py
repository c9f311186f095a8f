"""Makes the demo school: two schools, two teachers, one lesson. Running it again changes nothing.

All ids are fixed, so that seeding any host of a mesh, or two at once, makes the same rows. A password
that is given (FIRSTBELL_DEMO_PASSWORD) is the teachers' from then on, also of those that are there.
"""

import io
import os
import zipfile
from pathlib import Path
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import check_password
from django.core.management.base import BaseCommand
from django.db import transaction

from webapp.accounts.models import School, User
from webapp.lessons.importer import run_import

DEMO_SCHOOL = UUID("01900000-0000-7000-8000-000000000001")
HARBOUR_SCHOOL = UUID("01900000-0000-7000-8000-000000000002")
ADA = UUID("01900000-0000-7000-8000-000000000011")
GRACE = UUID("01900000-0000-7000-8000-000000000012")
ADMIN = UUID("01900000-0000-7000-8000-000000000013")
DEMO_IMPORT = UUID("01900000-0000-7000-8000-000000000021")
PASSWORD = "firstbell-demo"  # noqa: S105  (a laptop's, printed by `make up`)
DECK = Path(__file__).resolve().parents[2] / "demo"


class Command(BaseCommand):
    help = "Make the demo school (teachers ada and grace) with one lesson; idempotent."

    def handle(self, *args: Any, **options: Any) -> None:
        given = os.environ.get("FIRSTBELL_DEMO_PASSWORD")
        password = given or PASSWORD
        self.changed = False
        with transaction.atomic():
            demo = self._school(DEMO_SCHOOL, "Firstbell Demo School")
            harbour = self._school(HARBOUR_SCHOOL, "Harbour School")
            ada = self._user(ADA, "ada", password, school=demo, names=("Ada", "Lovelace"))
            grace = self._user(GRACE, "grace", password, school=harbour, names=("Grace", "Hopper"))
            # Not in the row that makes her: a school that was seeded by an older release has her already.
            User.objects.filter(id=ADA, is_school_admin=False).update(is_school_admin=True)
            if given:
                self._renew_passwords(given, ada, grace)
            self._admin()
        lessons = run_import(ada, DEMO_IMPORT, _demo_zip(), "application/zip", "demo.zip")
        titles = ", ".join(lesson["title"] for lesson in lessons["lessons"])
        what = "was made or changed" if self.changed else "is there"
        told = "the one given" if given else PASSWORD
        self.stdout.write(f"Demo school {what}: ada and grace, password {told}; {titles}")

    def _admin(self) -> None:
        password = os.environ.get("FIRSTBELL_DEMO_ADMIN_PASSWORD")
        if password:
            admin = self._user(ADMIN, "admin", password, school=None, names=("Demo", "Admin"))
            if not admin.is_superuser:
                User.objects.filter(id=admin.id).update(is_staff=True, is_superuser=True)

    @staticmethod
    def _school(key: UUID, name: str) -> School:
        return School.objects.get_or_create(id=key, defaults={"name": name})[0]

    def _user(
        self, key: UUID, username: str, password: str, school: School | None, names: tuple[str, str]
    ) -> User:
        found = User.objects.filter(username=username).first()
        if found is not None:
            return found
        user = User(
            id=key, username=username, school=school, first_name=names[0], last_name=names[1]
        )
        user.email = f"{username}@school.example"
        user.set_password(password)
        user.save(force_insert=True)
        self.changed = True
        return user

    def _renew_passwords(self, password: str, *users: User) -> None:
        for user in users:
            if not check_password(password, user.password):
                user.set_password(password)
                user.save(update_fields=["password"])
                self.changed = True


def _demo_zip() -> bytes:
    """The demo folder as a teacher would upload it; the same bytes each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(DECK.rglob("*")):
            if path.is_file():
                info = zipfile.ZipInfo(path.relative_to(DECK).as_posix(), (2026, 1, 1, 0, 0, 0))
                archive.writestr(info, path.read_bytes())
    return buffer.getvalue()
