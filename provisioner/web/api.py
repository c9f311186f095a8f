"""/api/v1: what openapi.yaml says. Thin: reads the request, asks the desk, writes the answer.

Changes need a token in the Authorization header; a browser's session may only look, so that no other
site can make it change anything.
"""

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from flask import Blueprint, Response, current_app, g, jsonify, request

from provisioner import access
from provisioner.access import Person, Role
from provisioner.catalogue import Template
from provisioner.desk import Desk, Wish
from provisioner.errors import Refusal, invalid, not_found
from provisioner.progress import Place, Progress
from provisioner.store import Environment, moment, now
from provisioner.web import stream

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
COOKIE = "provisioner_session"


def desk() -> Desk:
    return current_app.extensions["desk"]


def progress() -> Progress:
    return current_app.extensions["progress"]


@blueprint.before_request
def _know_who() -> None:
    if request.endpoint != "api.openapi":
        g.person = _person()


def _person() -> Person:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer" and (person := access.by_token(desk().store, token)):
        return person
    if not kind and request.method == "GET":
        cookie = request.cookies.get(COOKIE)
        if cookie and (person := access.by_session(desk().store, cookie)):
            return person
    raise Refusal(
        401, "no_token", "Send a valid token: Authorization: Bearer …" if not kind else
        "This token is not known: it was mistyped, replaced or ended."
    )  # fmt: skip


@blueprint.get("/openapi.json")
def openapi() -> Response:
    return jsonify(description())


@cache
def description() -> dict[str, Any]:
    return yaml.safe_load(Path(__file__).with_name("openapi.yaml").read_text(encoding="utf-8"))


@blueprint.get("/me")
def me() -> Response:
    return jsonify(name=g.person.name, role=g.person.label)


@blueprint.get("/templates")
def templates() -> Response:
    return jsonify(templates=[template_json(t) for t in desk().catalogue.templates()])


@blueprint.get("/environments")
def list_environments() -> Response:
    return jsonify(environments=[environment_json(e) for e in desk().listed()])


@blueprint.get("/environments/<name>")
def show_environment(name: str) -> Response:
    return _answer(desk().get(name))


@blueprint.put("/environments/<name>")
def create_environment(name: str) -> tuple[Response, int]:
    body = _body({"template": str, "variables": dict, "ttl_seconds": int, "keep": bool})
    if "template" not in body:
        raise invalid({"template": "template: say from which template."})
    wish = Wish(
        body["template"],
        body.get("variables", {}),
        _ttl(body["ttl_seconds"]) if "ttl_seconds" in body else None,
        body.get("keep", False),
    )
    made, new = desk().create(g.person, name, wish)
    return _answer(made), 201 if new else 200


@blueprint.patch("/environments/<name>")
def extend_environment(name: str) -> Response:
    body = _body({"ttl_seconds": int})
    if "ttl_seconds" not in body:
        raise invalid({"ttl_seconds": "ttl_seconds: say how long from now."})
    return _answer(desk().extend(g.person, name, _ttl(body["ttl_seconds"])))


@blueprint.delete("/environments/<name>")
def destroy_environment(name: str) -> tuple[Response, int]:
    return _answer(desk().destroy(g.person, name)), 202


@blueprint.put("/environments/<name>/credentials/<claim>")
def show_credentials(name: str, claim: str) -> Response:
    return jsonify(users=desk().show_credentials(g.person, name, claim))


@blueprint.get("/environments/<name>/ca.pem")
def certificate(name: str) -> Response:
    pem = desk().get(name).ca_pem
    if pem is None:
        raise not_found(f"{name} has no certificate authority of its own.")
    return Response(pem, mimetype="application/x-pem-file")


@blueprint.get("/environments/<name>/log")
def read_log(name: str) -> Response:
    environment = desk().get(name)
    entries = progress().after(environment, Place.parse(request.args.get("after")))
    return jsonify(
        environment=environment_json(desk().get(name)),
        lines=[entry.as_json() for entry in entries],
        next=str(entries[-1].place) if entries else request.args.get("after", "0.0"),
    )


@blueprint.get("/environments/<name>/events")
def follow(name: str) -> Response:
    after = Place.parse(request.headers.get("Last-Event-ID") or request.args.get("after"))
    return stream.response(desk(), progress(), desk().get(name), after)


@blueprint.get("/audit")
def audit() -> Response:
    with desk().store.look() as db:
        found = db.audits(request.args.get("environment"))
    return jsonify(
        audit=[
            {"at": moment(a.at), "who": a.who, "what": a.what, "environment": a.environment,
             "detail": a.detail}
            for a in found
        ]
    )  # fmt: skip


@blueprint.get("/orphans")
def orphans() -> Response:
    with desk().store.look() as db:
        found = db.orphans()
    return jsonify(
        orphans=[{"provider": o.provider, "name": o.name, "since": moment(o.since)} for o in found]
    )


@blueprint.get("/tokens")
def list_tokens() -> Response:
    g.person.must_be(Role.OPERATOR)
    with desk().store.look() as db:
        found = db.tokens()
    return jsonify(
        tokens=[
            {"name": t.name, "role": t.role, "created_at": moment(t.created_at),
             "created_by": t.created_by}
            for t in found
        ]
    )  # fmt: skip


@blueprint.put("/tokens/<name>")
def put_token(name: str) -> Response:
    g.person.must_be(Role.OPERATOR)
    body = _body({"role": str})
    role = body.get("role", "")
    return jsonify(
        name=name, role=role, token=access.put_token(desk().store, g.person.name, name, role)
    )


@blueprint.delete("/tokens/<name>")
def end_token(name: str) -> tuple[str, int]:
    g.person.must_be(Role.OPERATOR)
    access.delete_token(desk().store, g.person.name, name)
    return "", 204


# ---- reading requests

_WORDS = {str: "text", dict: "an object", int: "a whole number", bool: "true or false"}


def _body(known: dict[str, type]) -> dict[str, Any]:
    content = request.get_json(silent=True)
    if not isinstance(content, dict):
        raise Refusal(400, "bad_request", "Expected a JSON object as the body.")
    wrong = {}
    for key, value in content.items():
        if key not in known:
            wrong[key[:60]] = f"{key[:60]!r} is not known here. Known: {', '.join(known)}."
        elif type(value) is not known[key]:
            wrong[key] = f"{key}: expected {_WORDS[known[key]]}."
    if wrong:
        raise invalid(wrong)
    return content


def _ttl(seconds: int) -> timedelta:
    if not 0 < seconds < 10**9:
        raise invalid({"ttl_seconds": "ttl_seconds: expected a number of seconds above 0."})
    return timedelta(seconds=seconds)


# ---- writing answers


def _answer(environment: Environment) -> Response:
    content = environment_json(environment)
    content["runs"] = [view.as_json() for view in progress().views(environment)]
    return jsonify(content)


def environment_json(e: Environment) -> dict[str, Any]:
    left = (e.expires_at - now()).total_seconds() if e.expires_at else None
    return {
        "name": e.name,
        "state": e.state,
        "wanted": e.wanted,
        "open": e.open,
        "at_rest": e.at_rest,
        "template": e.template,
        "provider": e.provider,
        "owner": e.owner,
        "variables": e.variables,
        "keep": e.keep,
        "ttl_seconds": e.ttl_seconds,
        "seconds_left": None if left is None else max(0, round(left)),
        "created_at": moment(e.created_at),
        "ready_at": moment(e.ready_at),
        "expires_at": moment(e.expires_at),
        "ended_at": moment(e.ended_at),
        "failure": e.failure.__dict__ if e.failure else None,
        "destroy_failure": e.destroy_failure.__dict__ if e.destroy_failure else None,
        "credentials": _credentials_word(e),
        "result": e.result,
    }


def _credentials_word(e: Environment) -> str:
    """none: there are none (yet); waiting: not shown yet; shown: shown once, and deleted."""
    if e.claim is not None:
        return "shown"
    return "waiting" if e.credentials else "none"


def template_json(t: Template) -> dict[str, Any]:
    return {
        "name": t.name,
        "description": t.description,
        "provider": t.provider,
        "ttl_seconds": int(t.ttl.total_seconds()),
        "problem": t.problem,
        "variables": [
            {"name": v.name, "type": v.type, "description": v.description, "default": v.default,
             "pattern": v.pattern, "min": v.min, "max": v.max, "choices": list(v.choices)}
            for v in t.variables.values()
        ],
    }  # fmt: skip
