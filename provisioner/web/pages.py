"""The page: server-rendered, works without JavaScript; static/page.js only keeps it fresh.

Thin, as api.py is: reads forms, asks the desk, shows templates. Changes are POSTs with the session's
CSRF token; each is safe to send twice.
"""

import hmac
import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from markupsafe import Markup, escape
from werkzeug.wrappers import Response

from provisioner import access
from provisioner.access import Person, Role
from provisioner.catalogue import Template
from provisioner.desk import Wish
from provisioner.errors import CatalogueError, Refusal, forbidden, invalid
from provisioner.lifecycle import State, Wanted, describe
from provisioner.store import Environment, moment, now
from provisioner.web.api import COOKIE, desk, progress

blueprint = Blueprint("pages", __name__)
View = Callable[..., Any]

LIFETIMES = [timedelta(hours=h) for h in (1, 2, 4, 8, 24, 72, 168)]


def signed_in(view: View) -> View:
    @wraps(view)
    def inner(**arguments: Any) -> Any:
        cookie = request.cookies.get(COOKIE)
        person = access.by_session(desk().store, cookie) if cookie else None
        if person is None:
            return _not_signed_in()
        g.person = person
        if request.method == "POST":
            _check_form(person)
        return view(**arguments)

    return inner


def _not_signed_in() -> Any:
    if request.method == "POST":
        raise Refusal(401, "signed_out", "You are not signed in any more. Sign in and do it again.")
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and COOKIE not in request.cookies:
        # A link on another site: browsers keep a strict cookie back this once. Ask again by ourselves.
        return render_template("again.html")
    return redirect(url_for("pages.sign_in", next=request.full_path.rstrip("?")))


def _check_form(person: Person) -> None:
    _check_origin()
    sent = request.form.get("csrf", "")
    if not person.csrf or not hmac.compare_digest(sent.encode(), person.csrf.encode()):
        raise forbidden("This form is not of this session: go back, reload the page, try again.")


def _check_origin() -> None:
    origin = request.headers.get("Origin")
    if origin and urlsplit(origin).netloc != request.host:
        raise forbidden("This form came from another site.")


# ---- signing in


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Any:
    following = _local(request.values.get("next", "/"))
    if request.method == "GET":
        return render_template("sign_in.html", next=following)
    _check_origin()
    cookie = access.sign_in(desk().store, request.form.get("token", ""))
    if cookie is None:
        wrong = "No such token. It may have been mistyped, replaced or ended."
        return render_template("sign_in.html", next=following, wrong=wrong), 401
    answer = make_response(redirect(following, 303))
    answer.set_cookie(
        COOKIE,
        cookie,
        max_age=access.SESSION_LIFE,
        httponly=True,
        samesite="Strict",
        secure=desk().settings.secure,
    )
    return answer


@blueprint.post("/sign-out")
@signed_in
def sign_out() -> Response:
    access.sign_out(desk().store, request.cookies[COOKIE])
    answer = redirect(url_for("pages.sign_in"), 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="Strict", secure=desk().settings.secure)
    return answer


def _local(path: str) -> str:
    """A path of ours to go on to; never another site."""
    return path if re.fullmatch(r"/(?![/\\])[A-Za-z0-9/?&=._%-]*", path) else "/"


# ---- environments


@blueprint.get("/")
@signed_in
def index() -> Any:
    found = desk().listed()
    with desk().store.look() as db:
        orphans = db.orphans()
    return render_template(
        "list.html",
        open=[e for e in found if e.open],
        ended=[e for e in found if not e.open],
        orphans=orphans,
    )


@blueprint.get("/new")
@signed_in
def choose() -> Any:
    g.person.must_be(Role.DEVELOPER)
    return render_template("choose.html", templates=desk().catalogue.templates())


@blueprint.route("/new/<template>", methods=["GET", "POST"])
@signed_in
def new(template: str) -> Any:
    g.person.must_be(Role.DEVELOPER)
    try:
        kind = desk().catalogue.template(template)
    except CatalogueError as error:
        raise Refusal(404, "not_found", str(error)) from error
    if request.method == "GET":
        return _form(kind, {}, {"name": desk().suggest_name()})
    values = {key: value.strip() for key, value in request.form.items()}
    variables = {
        key.removeprefix("variables."): value
        for key, value in values.items() if key.startswith("variables.")
    }  # fmt: skip
    try:
        wish = Wish(template, variables, _seconds(values.get("ttl", "")), "keep" in values)
        made, _ = desk().create(g.person, values.get("name", ""), wish)
    except Refusal as refusal:
        return _form(kind, refusal.fields, values, refusal), refusal.status
    return redirect(url_for("pages.environment", name=made.name), 303)


def _form(
    kind: Template, wrong: dict[str, str], values: dict[str, str], refusal: Refusal | None = None
) -> str:
    settings = desk().settings
    return render_template(
        "new.html",
        kind=kind,
        wrong={key: _without_key(text) for key, text in wrong.items()},
        refusal=refusal,
        values=values,
        lifetimes=_lifetimes(settings.max_ttl, kind.ttl),
        chosen=values.get("ttl", str(int(min(kind.ttl, settings.max_ttl).total_seconds()))),
    )


def _without_key(text: str) -> str:
    """The API's messages name the field; beside the field that is one word too many."""
    words = text.partition(": ")[2] or text
    return words[:1].upper() + words[1:]


@blueprint.get("/environments/<name>")
@signed_in
def environment(name: str) -> Any:
    return _environment(desk().get(name))


def _environment(
    found: Environment,
    users: list[dict[str, Any]] | None = None,
    refusal: Refusal | None = None,
) -> Any:
    runs = progress().views(found)
    entries = [entry for view in runs for entry in view.entries]
    left = desk().last_moment(found) - now()
    may_change = g.person.may_change(found) and found.open
    page = render_template(
        "environment.html",
        e=found,
        runs=runs,
        last=str(entries[-1].place) if entries else "0.0",
        users=users,
        refusal=refusal,
        claim=secrets.token_hex(16),
        is_owner=g.person.name == found.owner,
        may_extend=may_change and found.expires_at and found.wanted is Wanted.PRESENT,
        may_destroy=may_change and (found.wanted is Wanted.PRESENT or found.state is State.FAILED),
        lifetimes=_lifetimes(left),
        last_moment=desk().last_moment(found),
    )
    return page, refusal.status if refusal else 200


@blueprint.post("/environments/<name>/extend")
@signed_in
def extend(name: str) -> Any:
    try:
        span = _seconds(request.form.get("ttl", ""))
        if span is None:
            raise invalid({"ttl_seconds": "Say how long."})
        desk().extend(g.person, name, span)
    except Refusal as refusal:
        return _environment(desk().get(name), refusal=refusal)
    return redirect(url_for("pages.environment", name=name), 303)


@blueprint.route("/environments/<name>/destroy", methods=["GET", "POST"])
@signed_in
def destroy(name: str) -> Any:
    found = desk().get(name)
    g.person.must_own(found)
    if request.method == "GET":
        return render_template("destroy.html", e=found)
    desk().destroy(g.person, name)
    return redirect(url_for("pages.environment", name=name), 303)


@blueprint.post("/environments/<name>/credentials")
@signed_in
def credentials(name: str) -> Any:
    try:
        users = desk().show_credentials(g.person, name, request.form.get("claim", ""))
    except Refusal as refusal:
        return _environment(desk().get(name), refusal=refusal)
    return _environment(desk().get(name), users=users)


@blueprint.get("/audit")
@signed_in
def audit() -> Any:
    name = request.args.get("environment")
    with desk().store.look() as db:
        return render_template("audit.html", lines=db.audits(name), of=name)


@blueprint.route("/tokens", methods=["GET", "POST"])
@signed_in
def tokens() -> Any:
    g.person.must_be(Role.OPERATOR)
    made, refusal, name = None, None, request.form.get("name", "").strip()
    try:
        if request.form.get("do") == "end":
            access.delete_token(desk().store, g.person.name, name)
            return redirect(url_for("pages.tokens"), 303)
        if request.method == "POST":
            role = request.form.get("role", "")
            made = access.put_token(desk().store, g.person.name, name, role)
    except Refusal as error:
        refusal = error
    with desk().store.look() as db:
        found = db.tokens()
    page = render_template("tokens.html", tokens=found, made=made, name=name, refusal=refusal)
    return page, refusal.status if refusal else 200


# ---- words for templates


@blueprint.app_context_processor
def _words() -> dict[str, Any]:
    person = g.get("person")

    def csrf() -> Markup:
        return Markup('<input type="hidden" name="csrf" value="{}">').format(person.csrf)

    return {"person": person, "csrf": csrf, "describe": describe, "now": now}


@blueprint.app_template_filter("utc")
def _utc(value: datetime | None) -> str:
    return f"{value:%Y-%m-%d %H:%M} UTC" if value else ""


@blueprint.app_template_filter("iso")
def _iso(value: datetime | None) -> str:
    return moment(value) or ""


@blueprint.app_template_filter("seconds_left")
def _seconds_left(value: datetime) -> int:
    return max(0, round((value - now()).total_seconds()))


@blueprint.app_template_filter("code")
def _code(text: str) -> Markup:
    """`name` as code, as in the YAML files people write."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704


def _lifetimes(longest: timedelta, also: timedelta | None = None) -> list[tuple[int, str]]:
    spans = {span for span in [*LIFETIMES, also] if span and span <= longest}
    return [(int(span.total_seconds()), describe(span)) for span in sorted(spans)]


def _seconds(text: str) -> timedelta | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise invalid({"ttl_seconds": "ttl_seconds: expected a number of seconds."})
    return timedelta(seconds=int(text))
