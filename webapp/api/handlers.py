"""Turns whatever was raised into the API's one shape of errors: {"code", "message", "fields"}.

Deliberately no error texts of single features: those stand where the error is raised.
"""

import logging
import sys
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from webapp.api.errors import ApiError
from webapp.api.messages import Message, shown

logger = logging.getLogger(__name__)

DATABASE_DOWN = Message("This host cannot reach its database just now. Another host can answer.")
SERVER_ERROR = Message("Something went wrong on this host. It has been logged; try again.")
NOTHING_HERE = Message("There is nothing at this address.")
NOT_ALLOWED = Message("This is not allowed.")


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Called by REST framework; None means 500 by way of `server_error`."""
    set_rollback()
    if isinstance(error, ApiError):
        return Response(shown(error.body), status=error.status)
    if isinstance(error, OperationalError | InterfaceError):
        return _database_down(error)
    if isinstance(error, RequestDataTooBig):
        return Response(_body("too_large", Message("The request is too large.")), status=413)
    if isinstance(error, Http404):
        return Response(_body("not_found", NOTHING_HERE), status=404)
    if isinstance(error, PermissionDenied):
        return Response(_body("forbidden", str(error) or NOT_ALLOWED), status=403)
    if isinstance(error, exceptions.APIException):
        return _from_framework(error)
    return None


def _from_framework(error: exceptions.APIException) -> Response:
    headers = {}
    if auth := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth
    if isinstance(error, exceptions.ValidationError):
        message = Message("Some fields cannot be used: %(which)s", which=_summary(error.detail))
        body = _body("invalid", message, _fields(error.detail))
    else:
        codes = {"not_authenticated": "not_signed_in", "parse_error": "bad_json"}
        code = error.get_codes()
        code = code if isinstance(code, str) else error.default_code
        body = _body(codes.get(code, code), str(error.detail))
    return Response(body, status=error.status_code, headers=headers)


def _fields(detail: Any) -> dict[str, Any]:
    return detail if isinstance(detail, dict) else {"body": detail}


def _summary(detail: Any) -> str:
    return "; ".join(f"{name}: {_first(value)}" for name, value in _fields(detail).items())


def _first(value: Any) -> str:
    while isinstance(value, list | dict) and value:
        value = next(iter(value.values() if isinstance(value, dict) else value))
    return str(value)


def _body(code: str, message: str, fields: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"code": code, "message": shown(message), "fields": fields or {}}


def _database_down(error: Exception) -> Response:
    logger.warning("database unavailable: %s", str(error).strip())
    return Response(_body("unavailable", DATABASE_DOWN), status=503)


# The four below are Django's own error handlers: what is raised outside REST framework's views,
# in middleware for instance. The admin keeps Django's pages.


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith("/admin/"):
        return defaults.bad_request(request, exception)
    message = Message("This request cannot be understood.")
    return JsonResponse(_body("bad_request", message), status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith("/admin/"):
        return defaults.permission_denied(request, exception)
    return JsonResponse(_body("forbidden", NOT_ALLOWED), status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith("/admin/"):
        return defaults.page_not_found(request, exception)
    return JsonResponse(_body("not_found", NOTHING_HERE), status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    error = sys.exc_info()[1]
    if isinstance(error, OperationalError | InterfaceError):
        return JsonResponse(_body("unavailable", DATABASE_DOWN), status=503)
    if isinstance(error, DatabaseError):
        logger.error("database error on %s: %s", request.path, error)
    if request.path.startswith("/admin/"):
        return defaults.server_error(request)
    return JsonResponse(_body("server_error", SERVER_ERROR), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    message = Message("Sign in again, then repeat: %(reason)s", reason=reason)
    return JsonResponse(_body("csrf_failed", message), status=403)
