"""Sign in, sign out, who am I."""

from typing import Any

from django.conf import settings
from django.contrib.auth import login, logout
from django.middleware.csrf import get_token
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts import guessing, parked, sign_ins
from webapp.accounts.middleware import SIGNED_OUT
from webapp.accounts.models import User
from webapp.api.errors import ApiError
from webapp.api.messages import Message

NOT_SIGNED_IN = Message("Nobody is signed in. Sign in, then repeat this request.")


class CredentialsSerializer(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=500, trim_whitespace=False)


class SchoolSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()


class UserSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    username = serializers.CharField()
    name = serializers.CharField(source="shown_name")
    email = serializers.EmailField()
    school = SchoolSerializer(allow_null=True)
    is_school_admin = serializers.BooleanField()


SESSION = inline_serializer(
    "Session", {"user": UserSerializer(), "csrf_token": serializers.CharField()}
)


class SessionView(APIView):
    permission_classes = [AllowAny]

    def get_authenticators(self) -> list[Any]:
        # Signing in needs no CSRF token: a teacher whose old session is still there but whose page
        # has lost its token could not sign in again. Only JSON from our own pages is taken.
        if self.request is not None and self.request.method == "POST":
            return []
        return super().get_authenticators()

    @extend_schema(operation_id="session_show", responses=SESSION)
    def get(self, request: Request) -> Response:
        if not request.user.is_authenticated:
            raise ApiError(401, "not_signed_in", NOT_SIGNED_IN)
        return session_answer(request, request.user)

    @extend_schema(
        operation_id="session_sign_in", request=CredentialsSerializer, responses=SESSION, auth=[]
    )
    def post(self, request: Request) -> Response:
        refuse_foreign_page(request)
        credentials = CredentialsSerializer(data=request.data)
        credentials.is_valid(raise_exception=True)
        user = guessing.check(request._request, **credentials.validated_data)
        if user is None and (taken := parked.by_credentials(**credentials.validated_data)):
            raise taken
        if user is None:
            text = Message("This username and password do not match.")
            raise ApiError(403, "wrong_credentials", text)
        login(request._request, user)
        return session_answer(request, user)

    @extend_schema(operation_id="session_sign_out", responses={204: None})
    def delete(self, request: Request) -> Response:
        setattr(request._request, SIGNED_OUT, True)
        if request.user.is_authenticated and (which := sign_ins.current(request._request)):
            sign_ins.end(request.user, which)
        logout(request._request)
        return Response(status=204)


def session_answer(request: Request, user: Any) -> Response:
    assert isinstance(user, User)
    return Response({"user": UserSerializer(user).data, "csrf_token": get_token(request._request)})


def page_origin(request: Request) -> str:
    """Where the asking page is from; this host if the browser does not say. Raises ApiError 403 `wrong_origin`."""
    refuse_foreign_page(request)
    return request.headers.get("Origin") or _own(request)


def refuse_foreign_page(request: Request) -> None:
    """Raises ApiError 403 `wrong_origin` for a page that is none of ours."""
    origin = request.headers.get("Origin")
    own = _own(request)
    if origin and origin != own and origin not in settings.FIRSTBELL_PAGE_ORIGINS:
        text = Message("Pages of %(origin)s may not sign in here.", origin=origin[:100])
        raise ApiError(403, "wrong_origin", text)


def _own(request: Request) -> str:
    return f"{request.scheme}://{request.get_host()}"
