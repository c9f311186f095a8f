"""Passkeys over the API: add, list, remove, sign in."""

from typing import Any

from django.contrib.auth import login
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts import passkeys
from webapp.accounts.account_views import AnonymousView, Device, Password
from webapp.accounts.models import User
from webapp.accounts.views import SESSION, page_origin, session_answer
from webapp.api.errors import NotFound
from webapp.api.ids import parse_uuid
from webapp.api.messages import Message

OPTIONS = inline_serializer(
    "PasskeyOptions",
    {
        "publicKey": serializers.DictField(
            help_text="As JSON, for the browser's navigator.credentials."
        ),
        "state": serializers.CharField(
            help_text="Comes back with the answer, within five minutes."
        ),
    },
)


class PasskeySerializer(serializers.Serializer):
    id = serializers.UUIDField()
    device = Device()
    created_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField(allow_null=True)


class PasskeysSerializer(serializers.Serializer):
    results = PasskeySerializer(many=True)


class AskToAddSerializer(serializers.Serializer):
    password = Password(help_text="The present one.")


class AnswerSerializer(serializers.Serializer):
    state = serializers.CharField(max_length=1000)
    credential = serializers.DictField(help_text="PublicKeyCredential.toJSON()")


class PasskeyOptionsView(APIView):
    @extend_schema(
        operation_id="passkeys_options",
        request=AskToAddSerializer,
        responses=OPTIONS,
        description="What the browser needs to make a passkey.",
    )
    def post(self, request: Request) -> Response:
        asked = AskToAddSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        password = asked.validated_data["password"]
        return Response(
            passkeys.options_to_add(
                request._request, _user(request), password, page_origin(request)
            )
        )


class PasskeyListView(APIView):
    @extend_schema(operation_id="passkeys_list", responses=PasskeysSerializer)
    def get(self, request: Request) -> Response:
        mine = _user(request).passkeys.order_by("created_at")
        return Response(PasskeysSerializer({"results": mine}).data)

    @extend_schema(
        operation_id="passkeys_add",
        request=AnswerSerializer,
        responses={201: PasskeySerializer},
        description="Repeating is harmless.",
    )
    def post(self, request: Request) -> Response:
        asked = _answer(request)
        row = passkeys.add(
            request._request,
            _user(request),
            page_origin(request),
            asked["state"],
            asked["credential"],
        )
        return Response(PasskeySerializer(row).data, status=201)


class PasskeyView(APIView):
    @extend_schema(operation_id="passkeys_remove", responses={204: None})
    def delete(self, request: Request, passkey_id: str) -> Response:
        key = parse_uuid(passkey_id, "id", (5,))
        removed, _ = _user(request).passkeys.filter(id=key).delete()
        if not removed:
            raise NotFound(Message("passkey"))
        return Response(status=204)


class SignInOptionsView(AnonymousView):
    @extend_schema(
        operation_id="session_passkey_options",
        request=None,
        responses=OPTIONS,
        auth=[],
        description="What the browser needs to ask for a passkey.",
    )
    def post(self, request: Request) -> Response:
        return Response(passkeys.options_to_sign_in(page_origin(request)))


class PasskeySignInView(AnonymousView):
    @extend_schema(
        operation_id="session_passkey", request=AnswerSerializer, responses=SESSION, auth=[]
    )
    def post(self, request: Request) -> Response:
        asked = _answer(request)
        user = passkeys.check(
            request._request, page_origin(request), asked["state"], asked["credential"]
        )
        login(request._request, user, backend=passkeys.BACKEND)
        return session_answer(request, user)


def _answer(request: Request) -> dict[str, Any]:
    asked = AnswerSerializer(data=request.data)
    asked.is_valid(raise_exception=True)
    return asked.validated_data


def _user(request: Request) -> User:
    assert isinstance(request.user, User)
    return request.user
