"""Somebody took this person's user name or address at the same moment on another host, and theirs was the later one.

The account is then parked by the data layer: kept whole, in no table. Its owner is told so instead of being called a
stranger, and an administrator brings it back with another one (docs/operations/conflicts.md).
"""

import json
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.hashers import check_password
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from webapp.accounts.models import User
from webapp.api.errors import ApiError
from webapp.api.messages import Message, shown

PARKED = """
    select p.row, array(select a.attname from pg_index i join pg_class c on c.oid = i.indexrelid
        join pg_attribute a on a.attrelid = i.indrelid
        where i.indrelid = r.rel and c.relname = p.detail
            and (a.attnum = any (i.indkey) or a.attnum in ( -- of its expressions
                select d.refobjsubid from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
                    and d.refclassid = 'pg_class'::regclass and d.refobjid = i.indrelid)))
    from mesh.parked p join mesh.replicated r on r.tbl = p.tbl
    where r.rel = %s::regclass and p.reason = 'clash' and """


class Taken(ApiError):
    """Code `name_taken` or `email_taken`; `fields` names the column."""

    def __init__(self, row: dict[str, Any], columns: list[str]) -> None:
        # Django translates the names of its own columns.
        names = [User._meta.get_field(column).verbose_name for column in columns]
        values = ", ".join(
            f"{name} “{row.get(column)}”" for name, column in zip(names, columns, strict=True)
        )
        text = Message(
            "This %(what)s was taken at the same moment elsewhere. Your account and all of yours are kept; ask your"
            " administrator to bring it back with another one.",
            what=values or Message("account"),
        )
        code = "email_taken" if columns == ["email"] else "name_taken"
        super().__init__(409, code, text, {name: [text] for name in columns})


def by_id(user_id: str) -> Taken | None:
    """Why the person of a session is not there; None: not for this reason."""
    return _first("p.key = %s", user_id, lambda row: True)


def by_credentials(username: str, password: str) -> Taken | None:
    """The same for somebody who signs in; told only to who knows the account's password."""
    return _first(
        "p.row->>'username' = %s",
        username,
        lambda row: check_password(password, row.get("password") or ""),
    )


def _first(condition: str, value: str, holds: Callable[[dict[str, Any]], bool]) -> Taken | None:
    if not settings.MESH:
        return None
    with connection.cursor() as cursor:
        cursor.execute(PARKED + condition, [User._meta.db_table, value])
        for row, columns in cursor.fetchall():
            row = json.loads(row) if isinstance(row, str) else row
            if holds(row):
                return Taken(row, columns)
    return None


class ParkedAccountMiddleware:
    """Who is signed in but whose account is parked gets 409 (see Taken) instead of 401. After the sessions."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != 401 or not request.path.startswith("/api/"):
            return response
        user_id = request.session.get(SESSION_KEY)
        taken = by_id(user_id) if user_id else None
        return JsonResponse(shown(taken.body), status=taken.status) if taken else response
