"""What people do with their account: passwords, devices, invitations. Signing in and out is in views.py."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.authentication import get_authorization_header
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts import invitations, letters, passwords, sign_ins
from webapp.accounts.budgets import Budget, client_address, refuse_if_spent
from webapp.accounts.devices import name_key
from webapp.accounts.models import Invitation
from webapp.accounts.views import refuse_foreign_page
from webapp.api.errors import ApiError, NotFound
from webapp.api.ids import parse_uuid
from webapp.api.messages import Message
from webapp.mail.letters import promise
from webapp.mail.models import Letter

RESETS_PER_EMAIL = (4, 3600)
RESETS_PER_ADDRESS = (60, 3600)
"""Asked for from one address, which a whole school may share."""


class Password(serializers.CharField):
    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=500, trim_whitespace=False, **options)


class AnonymousView(APIView):
    """For who can't sign in. Without cookies there is nothing that another site's page could ride on."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        refuse_foreign_page(request)


# ---- passwords


class AskResetSerializer(serializers.Serializer):
    email = serializers.EmailField()


class ResetAskView(AnonymousView):
    @extend_schema(
        operation_id="password_resets_put",
        request=AskResetSerializer,
        responses={202: None},
        auth=[],
        description="Promises a mail with a link to whoever has an account with this address. The answer, and how long "
        "it takes, are the same when nobody has. Repeating is harmless.",
    )
    def put(self, request: Request, reset_id: str) -> Response:
        key = parse_uuid(reset_id, "id")
        asked = AskResetSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        email = asked.validated_data["email"]
        if not Letter.objects.filter(id=key).exists():
            budgets = [
                Budget(f"reset.{name_key(email)}", *RESETS_PER_EMAIL),
                Budget(f"resets.{client_address(request._request)}", *RESETS_PER_ADDRESS),
            ]
            refuse_if_spent(
                budgets, Message("This was asked for often. Look into the mailbox, spam too.")
            )
            promise(key, letters.RESET, email)
            for budget in budgets:
                budget.spend()
        return Response(status=202)


class ResetSerializer(serializers.Serializer):
    user = serializers.CharField(max_length=36)
    token = serializers.CharField(max_length=200)
    password = Password()


class UsernameSerializer(serializers.Serializer):
    username = serializers.CharField(help_text="With it the page signs in.")


class ResetView(AnonymousView):
    @extend_schema(
        operation_id="password_reset",
        request=ResetSerializer,
        responses=UsernameSerializer,
        auth=[],
        description="Sets the password by the link of a mail, and signs out all devices. 409 `link_used_up`: ask for a "
        "new one. Repeating is harmless.",
    )
    def put(self, request: Request) -> Response:
        asked = ResetSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        key = parse_uuid(values["user"], "user")
        user = passwords.reset(request._request, key, values["token"], values["password"])
        return Response({"username": user.get_username()})


class ChangeSerializer(serializers.Serializer):
    old = Password()
    new = Password()


class PasswordView(APIView):
    @extend_schema(
        operation_id="password_change",
        request=ChangeSerializer,
        responses={204: None},
        description="Changes the password and signs out all other devices. Repeating is harmless.",
    )
    def put(self, request: Request) -> Response:
        asked = ChangeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        passwords.change(request._request, request.user, **asked.validated_data)
        return Response(status=204)


# ---- devices


class Device(serializers.CharField):
    """Kept in English, told in the language of the request."""

    def __init__(self) -> None:
        super().__init__(help_text="Browser and system, as the browser told.")

    def to_representation(self, name: str) -> str:
        return sign_ins.shown_device(name)


class SignInSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    device = Device()
    created_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField(help_text="To a quarter of an hour.")
    current = serializers.BooleanField(help_text="It is the one that asks.")


class SignInsSerializer(serializers.Serializer):
    results = SignInSerializer(many=True)


class SignInListView(APIView):
    @extend_schema(operation_id="sign_ins_list", responses=SignInsSerializer)
    def get(self, request: Request) -> Response:
        here = sign_ins.current(request._request)
        found = sign_ins.listed(request.user)
        for one in found:
            one.current = one.id == here
        return Response(SignInsSerializer({"results": found}).data)

    @extend_schema(
        operation_id="sign_ins_end_others",
        responses={204: None},
        description="Signs out all devices but the one that asks.",
    )
    def delete(self, request: Request) -> Response:
        sign_ins.end_others(request.user, but=sign_ins.current(request._request))
        return Response(status=204)


class SignInView(APIView):
    @extend_schema(operation_id="sign_ins_end", responses={204: None})
    def delete(self, request: Request, sign_in_id: str) -> Response:
        if not sign_ins.end(request.user, parse_uuid(sign_in_id, "id")):
            raise NotFound(Message("device"))
        return Response(status=204)


# ---- invitations


class InviteSerializer(serializers.Serializer):
    email = serializers.EmailField()


class InvitationSerializer(serializers.Serializer):
    id = serializers.UUIDField(source="invitation.id")
    email = serializers.EmailField(source="invitation.email")
    state = serializers.ChoiceField(
        ["open", "accepted", "withdrawn", "expired"], source="invitation.state"
    )
    mail = serializers.ChoiceField(["waiting", "sent", "failed"])
    invited_by = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField(source="invitation.created_at")
    expires_at = serializers.DateTimeField(source="invitation.expires_at")

    def get_invited_by(self, row: dict[str, Any]) -> str:
        inviter = row["invitation"].invited_by
        return inviter.shown_name if inviter else ""


class InvitationsSerializer(serializers.Serializer):
    results = InvitationSerializer(many=True)


class SchoolAdminView(APIView):
    """For teachers who may invite to their school."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not (request.user.is_school_admin and request.user.school_id):
            text = Message("Only a school's admin teacher may invite. Ask yours.")
            raise ApiError(403, "not_school_admin", text)


class InvitationListView(SchoolAdminView):
    @extend_schema(operation_id="invitations_list", responses=InvitationsSerializer)
    def get(self, request: Request) -> Response:
        results = invitations.listed(request.user.school_id)
        return Response(InvitationsSerializer({"results": results}).data)


class InvitationView(SchoolAdminView):
    @extend_schema(
        operation_id="invitations_put",
        request=InviteSerializer,
        responses={200: InvitationSerializer, 201: InvitationSerializer},
        description="Invites a colleague to the asker's school, by mail. Repeating is harmless.",
    )
    def put(self, request: Request, invitation_id: str) -> Response:
        key = parse_uuid(invitation_id, "id")
        asked = InviteSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        found, made = invitations.invite(request.user, key, asked.validated_data["email"])
        body = InvitationSerializer({"invitation": found, "mail": "waiting"}).data
        return Response(body, status=201 if made else 200)

    @extend_schema(operation_id="invitations_withdraw", responses={204: None})
    def delete(self, request: Request, invitation_id: str) -> Response:
        invitations.withdraw(request.user, parse_uuid(invitation_id, "id"))
        return Response(status=204)


class OfferSerializer(serializers.Serializer):
    school = serializers.CharField(source="school.name")
    email = serializers.EmailField()
    invited_by = serializers.SerializerMethodField()
    state = serializers.ChoiceField(["open", "accepted", "withdrawn", "expired"])
    expires_at = serializers.DateTimeField()

    def get_invited_by(self, invitation: Invitation) -> str:
        return invitation.invited_by.shown_name if invitation.invited_by else ""


class AcceptSerializer(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    first_name = serializers.CharField(max_length=150)
    last_name = serializers.CharField(max_length=150)
    password = Password()


KEY = OpenApiParameter(
    "Authorization",
    str,
    OpenApiParameter.HEADER,
    description="Bearer, and the key of the mail's link.",
)


class InvitedAccountView(AnonymousView):
    @extend_schema(
        operation_id="invitations_offer",
        responses=OfferSerializer,
        auth=[],
        parameters=[KEY],
        description="What the mail's link offers.",
    )
    def get(self, request: Request, invitation_id: str) -> Response:
        return Response(OfferSerializer(_offered(request, invitation_id)).data)

    @extend_schema(
        operation_id="invitations_accept",
        request=AcceptSerializer,
        responses={200: UsernameSerializer, 201: UsernameSerializer},
        auth=[],
        parameters=[KEY],
        description="Makes the account. Repeating is harmless; 409 `accepted` when another made it.",
    )
    def put(self, request: Request, invitation_id: str) -> Response:
        invitation = _offered(request, invitation_id)
        asked = AcceptSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        account, made = invitations.accept(invitation, asked.validated_data)
        return Response({"username": account.get_username()}, status=201 if made else 200)


def _offered(request: Request, invitation_id: str) -> Invitation:
    scheme, _, secret = get_authorization_header(request).decode("latin-1").partition(" ")
    key = parse_uuid(invitation_id, "id")
    return invitations.offered(key, secret.strip() if scheme.lower() == "bearer" else "")
