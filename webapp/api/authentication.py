"""Who asks: the session cookie of a signed-in teacher."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from webapp.api.errors import ApiError
from webapp.api.messages import Message


class CookieAuthentication(SessionAuthentication):
    """Django's session; unsafe methods need the CSRF token. No session is 401, not 403."""

    def authenticate_header(self, request: Request) -> str:
        return "Cookie"

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            raise ApiError(
                403,
                "csrf_failed",
                Message(
                    "Unsafe methods need the session's token in X-CSRFToken. %(detail)s",
                    detail=error.detail,
                ),
            ) from error


class CookieScheme(OpenApiAuthenticationExtension):
    target_class = "webapp.api.authentication.CookieAuthentication"
    name = "cookie"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        from django.conf import settings

        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
