"""Sessions as Django keeps them, but a host never throws away a cookie it does not know."""

from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.http import HttpRequest, HttpResponseBase

SIGNED_OUT = "_firstbell_signed_out"


class SessionMiddleware(DjangoSessionMiddleware):
    """Django deletes the cookie of a session it cannot find.

    Here the session may have been made on another host a moment ago, and this host may not have
    its row yet. Deleting the cookie would sign the teacher out everywhere, so it is deleted only
    when somebody signed out.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        response = super().process_response(request, response)
        cookie = response.cookies.get(settings.SESSION_COOKIE_NAME)
        deleted = cookie is not None and cookie["max-age"] == 0
        if deleted and not self._signed_out(request):
            del response.cookies[settings.SESSION_COOKIE_NAME]
        return response

    @staticmethod
    def _signed_out(request: HttpRequest) -> bool:
        return getattr(request, SIGNED_OUT, False) or request.path.startswith("/admin/logout")
