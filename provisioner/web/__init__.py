"""The web application: API, page, stream. Stateless: any number of processes, killed at any time.

`create_app` is what gunicorn serves. Nothing in here moves a state or waits for a run.
"""

import logging
import secrets
import time
from urllib.parse import urlsplit

from flask import Flask, Response, g, jsonify, render_template, request
from werkzeug.exceptions import HTTPException, SecurityError
from werkzeug.wrappers import Response as AnyResponse

from provisioner.desk import Desk
from provisioner.errors import Refusal
from provisioner.folders import Folders
from provisioner.progress import Progress
from provisioner.settings import Settings, from_environment
from provisioner.store import Store
from provisioner.web import api, pages

logger = logging.getLogger(__name__)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
LARGEST_BODY_BYTES = 64 * 1024
SILENT_KEEPER_SECONDS = 15
"""A keeper looks every second; one look takes longer only while it kills."""


def create_app(settings: Settings | None = None) -> Flask:
    settings = settings or from_environment()
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = LARGEST_BODY_BYTES
    app.config["TRUSTED_HOSTS"] = [urlsplit(settings.url).hostname, "127.0.0.1", "localhost"]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    store = Store(settings.database_url)
    app.extensions["desk"] = Desk(settings, store)
    app.extensions["progress"] = Progress(store, Folders(settings.state))
    app.register_blueprint(api.blueprint)
    app.register_blueprint(pages.blueprint)
    app.add_url_rule("/livez", view_func=lambda: Response("ok\n", mimetype="text/plain"))
    app.add_url_rule("/readyz", view_func=_readyz)
    app.after_request(_harden)
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _defect)
    return app


def _readyz() -> tuple[Response, int]:
    """Of use: the database answers, and the keeper is at work."""
    settings = api.desk().settings
    try:
        with api.desk().store.look() as db:
            db.tokens()
        silent = time.time() - settings.heartbeat.stat().st_mtime
    except Exception as error:
        logger.warning("not ready: %s", error)
        return jsonify(ready=False, why="the database or the keeper's heartbeat is away"), 503
    if silent > SILENT_KEEPER_SECONDS:
        return jsonify(ready=False, why=f"the keeper has been silent for {silent:.0f} s"), 503
    return jsonify(ready=True), 200


def _harden(response: AnyResponse) -> AnyResponse:
    headers = response.headers
    headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if not request.path.startswith("/static/"):
        headers.setdefault("Cache-Control", "no-store")
    return response


def _refused(refusal: Refusal) -> tuple[Response | str, int]:
    if request.path.startswith("/api/"):
        return jsonify(refusal.as_json()), refusal.status
    return render_template("problem.html", problem=refusal, person=g.get("person")), refusal.status


def _http_error(error: HTTPException) -> AnyResponse | tuple[Response | str, int]:
    if isinstance(error, SecurityError):  # no page can be rendered for an address that is not ours
        return Response(
            "This is not the address of this provisioner.\n", 400, mimetype="text/plain"
        )
    code = error.code or 500
    if code < 400 or error.response is not None:
        return error.get_response()
    words = {
        400: "This request can't be read.",
        404: "There is nothing here.",
        405: f"{request.method} is not possible here.",
        413: "That is more than this takes.",
        415: "Expected JSON: Content-Type: application/json.",
    }
    name = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(code, "bad_request")
    return _refused(Refusal(code, name, words.get(code, error.name)))


def _defect(error: Exception) -> tuple[Response | str, int]:
    """Logged once, with a reference that whoever met it can name; told nothing more."""
    reference = secrets.token_hex(4)
    logger.exception("a request failed, reference=%s path=%s", reference, request.path)
    return _refused(
        Refusal(500, "internal", f"That went wrong on our side. The log has it under {reference}.")
    )
