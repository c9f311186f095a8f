"""Boards that teachers remember for a room, and boards that lose their access.

A teacher remembers a board that she was paired with just now: realtime's proof says so. She sees and forgets her own;
the board's page sees for whom it is remembered, by its device token, and can forget each of them or all.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts import sign_ins
from webapp.api.errors import ApiError, NotFound
from webapp.api.ids import parse_uuid
from webapp.api.messages import Message
from webapp.teaching.models import ForgottenBoard, RememberedBoard, TeachingSession
from webapp.teaching.tokens import BadToken, Role, verify, verify_device, verify_proof

ID_VERSIONS = (4, 5)
"""Realtime makes ids of boards and pairings at random; those of rows follow from others."""
KEPT = timedelta(days=60)
"""Longer than a board's token lives."""
MOST_REMEMBERED = 30
"""Of one teacher: realtime is asked about each."""


class BoardPutSerializer(serializers.Serializer):
    name = serializers.CharField(max_length=60)
    proof = serializers.CharField(max_length=4096, help_text="from realtime's pair.done")


class BoardSerializer(serializers.Serializer):
    board = serializers.UUIDField()
    name = serializers.CharField()
    remembered_at = serializers.DateTimeField()


class BoardsSerializer(serializers.Serializer):
    results = BoardSerializer(many=True)


class RoomSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    teacher = serializers.CharField()
    remembered_at = serializers.DateTimeField()


class RoomsSerializer(serializers.Serializer):
    results = RoomSerializer(many=True)


def _remembered(**which: Any) -> QuerySet[RememberedBoard]:
    return RememberedBoard.objects.filter(forgotten_at=None, **which)


def _forget(rows: QuerySet[RememberedBoard]) -> None:
    """They stay as rows: a proof of before must not have them remembered again."""
    rows.update(forgotten_at=timezone.now())


def _not_paired() -> ApiError:
    text = Message("Pair this board by its code, then it can be remembered.")
    return ApiError(403, "not_paired", text)


class BoardListView(APIView):
    @extend_schema(operation_id="boards_list", responses=BoardsSerializer)
    def get(self, request: Request) -> Response:
        rows = _remembered(owner=request.user).order_by("name", "id")
        return Response(BoardsSerializer({"results": rows[:MOST_REMEMBERED]}).data)

    @extend_schema(
        operation_id="boards_forget_all",
        responses={204: None},
        description="None is remembered any more, and those that are paired with a teaching session of this teacher "
        "lose their access.",
    )
    def delete(self, request: Request) -> Response:
        _forget(_remembered(owner=request.user))
        TeachingSession.objects.filter(owner=request.user).update(
            boards_forgotten_at=timezone.now()
        )
        return Response(status=204)


class BoardView(APIView):
    @extend_schema(
        operation_id="boards_put",
        request=BoardPutSerializer,
        responses={200: BoardSerializer, 201: BoardSerializer},
        description="Remembers a board for this teacher. Repeating is harmless; another name renames it.",
    )
    def put(self, request: Request, board_id: str) -> Response:
        board = parse_uuid(board_id, "board", ID_VERSIONS)
        asked = BoardPutSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        paired_at = self._paired_at(request, board, asked.validated_data["proof"])
        key = RememberedBoard.key(board, request.user.id)
        if _remembered(owner=request.user).exclude(id=key).count() >= MOST_REMEMBERED:
            message = Message(
                "%(count)s boards are remembered for you. Forget one of them first.",
                count=MOST_REMEMBERED,
            )
            raise ApiError(409, "too_many_boards", message)
        row, created = RememberedBoard.objects.get_or_create(
            id=key,
            defaults={
                "name": asked.validated_data["name"],
                "board": board,
                "owner": request.user,
            },
        )
        if row.forgotten_at and paired_at <= row.forgotten_at:
            raise _not_paired()
        row.name, row.forgotten_at = asked.validated_data["name"], None
        row.save(update_fields=["name", "forgotten_at"])
        return Response(BoardSerializer(row).data, status=201 if created else 200)

    def _paired_at(self, request: Request, board: UUID, proof: str) -> datetime:
        try:
            return verify_proof(settings.FIRSTBELL_REALTIME_KEY, proof, request.user.id, board)
        except BadToken as error:
            raise _not_paired() from error

    @extend_schema(operation_id="boards_forget", responses={204: None})
    def delete(self, request: Request, board_id: str) -> Response:
        board = parse_uuid(board_id, "board", ID_VERSIONS)
        _forget(_remembered(id=RememberedBoard.key(board, request.user.id)))
        return Response(status=204)


class PairedBoardView(APIView):
    """A board of one teaching session, as its teacher sees it."""

    @extend_schema(
        operation_id="teachings_forget_board",
        responses={204: None},
        description="This pairing's token has no access any more, here and in realtime. It can't be taken back.",
    )
    def delete(self, request: Request, teaching_id: str, pairing_id: str) -> Response:
        key = parse_uuid(teaching_id, "id")
        if not TeachingSession.objects.filter(id=key, owner=request.user).exists():
            raise NotFound(Message("teaching session"))
        forget(parse_uuid(pairing_id, "pairing", ID_VERSIONS))
        return Response(status=204)


def forget(pairing: UUID) -> None:
    """Ends a pairing for good; harmless to repeat."""
    ForgottenBoard.objects.get_or_create(pairing=pairing)
    ForgottenBoard.objects.filter(forgotten_at__lt=timezone.now() - KEPT).delete()


def is_forgotten(role: Role, teaching: TeachingSession | None) -> bool:
    """Whether the pairing that a board's token is of has ended."""
    if role.role != "board":
        return False
    cut = teaching and teaching.boards_forgotten_at
    if cut and role.issued and role.issued < cut:
        return True
    return ForgottenBoard.objects.filter(pairing=role.subject).exists()


def bearer(request: Request) -> str:
    """The token of `Authorization: Bearer <token>`; raises ApiError bad_token if there is none."""
    scheme, _, token = get_authorization_header(request).decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        text = Message("Send the role token: Authorization: Bearer <token>.")
        raise ApiError(401, "bad_token", text)
    return token.strip()


class BearerAuthentication(BaseAuthentication):
    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class BearerScheme:
    """For drf-spectacular: how such tokens are told of in the schema."""

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class RoleTokenAuthentication(BearerAuthentication):
    """`Authorization: Bearer <role token>`; the request's user stays anonymous, auth is the role."""

    def authenticate(self, request: Request) -> tuple[Any, Role]:
        try:
            role = verify(settings.FIRSTBELL_REALTIME_KEY, bearer(request))
        except BadToken as error:
            raise ApiError(401, error.code, error.message) from error
        if role.sign_in and sign_ins.has_ended(role.sign_in):
            text = Message("The device that this token was for is signed out.")
            raise ApiError(401, "bad_token", text)
        return None, role


class RoleTokenScheme(BearerScheme, OpenApiAuthenticationExtension):
    target_class = "webapp.teaching.boards.RoleTokenAuthentication"
    name = "role_token"


class DeviceTokenAuthentication(BearerAuthentication):
    """`Authorization: Bearer <device token>`; auth is the board's id."""

    def authenticate(self, request: Request) -> tuple[Any, UUID]:
        try:
            return None, verify_device(settings.FIRSTBELL_REALTIME_KEY, bearer(request))
        except BadToken as error:
            message = Message(
                "This board is not known here any more. It can be paired by its code."
            )
            raise ApiError(401, error.code, message) from error


class DeviceTokenScheme(BearerScheme, OpenApiAuthenticationExtension):
    target_class = "webapp.teaching.boards.DeviceTokenAuthentication"
    name = "device_token"


class OwnPairingView(APIView):
    """The board's own pairing."""

    authentication_classes = [RoleTokenAuthentication]
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="board_leave",
        responses={204: None},
        description="A board ends its own pairing: its token has no access any more.",
    )
    def delete(self, request: Request) -> Response:
        role: Role = request.auth
        if role.role != "board":
            raise ApiError(403, "wrong_token", Message("Only a board can leave."))
        forget(parse_uuid(role.subject, "pairing", ID_VERSIONS))
        return Response(status=204)


class RoomListView(APIView):
    """For whom a board is remembered, as the board sees it."""

    authentication_classes = [DeviceTokenAuthentication]
    permission_classes = [AllowAny]

    @extend_schema(operation_id="board_rooms", responses=RoomsSerializer)
    def get(self, request: Request) -> Response:
        rows = _remembered(board=request.auth).select_related("owner")
        results = [
            {
                "id": row.id,
                "name": row.name,
                "teacher": row.owner.shown_name,
                "remembered_at": row.remembered_at,
            }
            for row in rows.order_by("remembered_at", "id")
        ]
        return Response(RoomsSerializer({"results": results}).data)

    @extend_schema(operation_id="board_forget_all", responses={204: None})
    def delete(self, request: Request) -> Response:
        _forget(_remembered(board=request.auth))
        return Response(status=204)


class RoomView(APIView):
    authentication_classes = [DeviceTokenAuthentication]
    permission_classes = [AllowAny]

    @extend_schema(operation_id="board_forget", responses={204: None})
    def delete(self, request: Request, room_id: str) -> Response:
        key = parse_uuid(room_id, "id", ID_VERSIONS)
        _forget(_remembered(id=key, board=request.auth))
        return Response(status=204)
