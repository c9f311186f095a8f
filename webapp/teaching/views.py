"""Teaching sessions of the signed-in teacher, and the lesson a paired board shows."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts import sign_ins
from webapp.api.errors import ApiError, NotFound
from webapp.api.ids import parse_uuid
from webapp.api.messages import Message
from webapp.lessons.models import ID_VERSIONS, Lesson
from webapp.lessons.views import LessonSerializer, lesson_body
from webapp.teaching.boards import RoleTokenAuthentication, is_forgotten
from webapp.teaching.models import TeachingSession
from webapp.teaching.tokens import Role, mint_teacher

RECENT = 20


class TeachingPutSerializer(serializers.Serializer):
    lesson = serializers.CharField(max_length=36)


class TeachingSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    lesson = serializers.UUIDField(allow_null=True, help_text="null when it was deleted")
    token = serializers.CharField(help_text="role token for realtime, fresh at each call")
    updated_at = serializers.DateTimeField()


class RecentTeachingSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    lesson = serializers.UUIDField(allow_null=True)
    lesson_title = serializers.CharField(allow_null=True)
    updated_at = serializers.DateTimeField()


class RecentTeachingsSerializer(serializers.Serializer):
    results = RecentTeachingSerializer(many=True)


class TeachingListView(APIView):
    @extend_schema(operation_id="teachings_list", responses=RecentTeachingsSerializer)
    def get(self, request: Request) -> Response:
        found = TeachingSession.objects.filter(owner=request.user).select_related("lesson")
        rows = [
            {
                "id": row.id,
                "lesson": row.lesson_id,
                "lesson_title": row.lesson.title if row.lesson else None,
                "updated_at": row.updated_at,
            }
            for row in found.defer("lesson__markdown").order_by("-updated_at")[:RECENT]
        ]
        return Response(RecentTeachingsSerializer({"results": rows}).data)


class TeachingView(APIView):
    @extend_schema(operation_id="teachings_show", responses=TeachingSerializer)
    def get(self, request: Request, teaching_id: str) -> Response:
        return Response(_body(request, _own_teaching(request, teaching_id)))

    @extend_schema(
        operation_id="teachings_put",
        request=TeachingPutSerializer,
        responses={200: TeachingSerializer, 201: TeachingSerializer},
        description="Opens a teaching session, or switches its lesson. Repeating is harmless.",
    )
    def put(self, request: Request, teaching_id: str) -> Response:
        key = parse_uuid(teaching_id, "id")
        asked = TeachingPutSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        lesson = _own_lesson(request, asked.validated_data["lesson"])
        created = _open(request.user, key, lesson)
        teaching = _own_teaching(request, teaching_id)
        return Response(_body(request, teaching), status=201 if created else 200)


def _open(user: Any, key: UUID, lesson: Lesson) -> bool:
    """True if this made the session; a repeated request finds it and writes nothing."""
    now = timezone.now()
    _, created = TeachingSession.objects.get_or_create(
        id=key, defaults={"owner": user, "lesson": lesson, "updated_at": now}
    )
    if not created:
        other = TeachingSession.objects.filter(id=key, owner=user).exclude(lesson=lesson)
        other.update(lesson=lesson, updated_at=now)
        # `exclude` does not see rows whose lesson was deleted (NULL), so they are asked for.
        TeachingSession.objects.filter(id=key, owner=user, lesson=None).update(
            lesson=lesson, updated_at=now
        )
    return created


def _own_teaching(request: Request, teaching_id: str) -> TeachingSession:
    key = parse_uuid(teaching_id, "id")
    found = TeachingSession.objects.filter(id=key, owner=request.user).first()
    if found is None:
        raise NotFound(Message("teaching session"))
    return found


def _own_lesson(request: Request, lesson_id: str) -> Lesson:
    key = parse_uuid(lesson_id, "lesson", ID_VERSIONS)
    found = Lesson.objects.filter(id=key, owner=request.user).defer("markdown").first()
    if found is None:
        raise NotFound(Message("lesson"))
    return found


def _body(request: Request, teaching: TeachingSession) -> dict[str, Any]:
    user = request.user
    token = mint_teacher(
        settings.FIRSTBELL_REALTIME_KEY,
        teaching.id,
        user.id,
        user.shown_name,
        sign_ins.current(request._request),
    )
    return TeachingSerializer(
        {
            "id": teaching.id,
            "lesson": teaching.lesson_id,
            "token": token,
            "updated_at": teaching.updated_at,
        }
    ).data


class BoardLessonView(APIView):
    authentication_classes = [RoleTokenAuthentication]
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="teachings_lesson",
        responses=LessonSerializer,
        description="The lesson as a board shows it. To a board `markdown` and `notes` are empty: "
        "they hold what the teacher wrote for nobody else.",
    )
    def get(self, request: Request, teaching_id: str, lesson_id: str) -> Response:
        key = parse_uuid(teaching_id, "id")
        role: Role = request.auth
        if role.session != str(key):
            text = Message("This token is for another teaching session.")
            raise ApiError(403, "wrong_token", text)
        teaching = TeachingSession.objects.filter(id=key).first()
        if is_forgotten(role, teaching):
            text = Message("This board was disconnected. Pair it again.")
            raise ApiError(401, "revoked", text)
        if teaching is None:
            raise NotFound(Message("teaching session"))
        lesson_key = parse_uuid(lesson_id, "lesson", ID_VERSIONS)
        lesson = Lesson.objects.filter(id=lesson_key, owner_id=teaching.owner_id).first()
        if lesson is None:
            raise NotFound(Message("lesson"))
        body = lesson_body(lesson)
        if role.role == "board":
            body["markdown"] = ""
            body["slides"] = [{**slide, "notes": ""} for slide in body["slides"]]
        return Response(body)
