"""Lessons of the signed-in teacher: list, read, save, delete, import."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.api.errors import ApiError, NotFound
from webapp.api.ids import parse_uuid
from webapp.api.parsers import RawParser, raw_body
from webapp.api.schema import ErrorSerializer
from webapp.lessons import saving
from webapp.lessons.archive import ARCHIVE_LIMIT_BYTES
from webapp.lessons.deck import parse_deck
from webapp.lessons.importer import run_import
from webapp.lessons.models import ID_VERSIONS, TITLE_LENGTH, Lesson

READ_LIMIT_SECONDS = 20.0  # less than gunicorn gives a request


class SlideSerializer(serializers.Serializer):
    title = serializers.CharField()
    markdown = serializers.CharField()
    notes = serializers.CharField()


class LessonWarningSerializer(serializers.Serializer):
    slide = serializers.IntegerField(allow_null=True, help_text="counted from 1")
    message = serializers.CharField()


class LessonSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    title = serializers.CharField()
    markdown = serializers.CharField()
    version = serializers.UUIDField()
    updated_at = serializers.DateTimeField()
    slides = SlideSerializer(many=True)
    warnings = LessonWarningSerializer(many=True)


class LessonRowSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    title = serializers.CharField()
    slide_count = serializers.IntegerField()
    version = serializers.UUIDField()
    updated_at = serializers.DateTimeField()


class LessonPutSerializer(serializers.Serializer):
    title = serializers.CharField(max_length=TITLE_LENGTH)
    markdown = serializers.CharField(allow_blank=True, trim_whitespace=False)
    version = serializers.CharField(max_length=36, help_text="UUIDv7 made for this save")
    base_version = serializers.CharField(
        max_length=36, allow_null=True, help_text="version this save edited; null for a new lesson"
    )


class ConflictSerializer(ErrorSerializer):
    current = LessonSerializer(allow_null=True, help_text="null when the lesson was deleted")


def lesson_body(lesson: Lesson) -> dict[str, Any]:
    """A lesson as the API shows it, slides and warnings read from its Markdown."""
    # It was read in less time when it was saved; a busy host must not refuse it now.
    deck = parse_deck(lesson.markdown, limit_seconds=READ_LIMIT_SECONDS)
    return {
        "id": str(lesson.id),
        "title": lesson.title,
        "markdown": lesson.markdown,
        "version": str(lesson.version),
        "updated_at": LessonRowSerializer(lesson).data["updated_at"],
        "slides": [
            {"title": slide.title, "markdown": slide.markdown, "notes": slide.notes}
            for slide in deck.slides
        ],
        "warnings": [{"slide": one.slide, "message": one.message} for one in deck.warnings],
    }


class LessonListView(APIView):
    @extend_schema(
        operation_id="lessons_list",
        responses=inline_serializer("Lessons", {"results": LessonRowSerializer(many=True)}),
    )
    def get(self, request: Request) -> Response:
        rows = Lesson.objects.filter(owner=request.user).defer("markdown").order_by("-updated_at")
        return Response({"results": LessonRowSerializer(rows, many=True).data})


class LessonView(APIView):
    @extend_schema(operation_id="lessons_show", responses=LessonSerializer)
    def get(self, request: Request, lesson_id: str) -> Response:
        return Response(lesson_body(self._own(request, _lesson_key(lesson_id))))

    @extend_schema(
        operation_id="lessons_put",
        request=LessonPutSerializer,
        responses={200: LessonSerializer, 201: LessonSerializer, 412: ConflictSerializer},
        description="Saves if `base_version` is the stored version, or the lesson is new. "
        "Repeating a save is harmless. 412 changes nothing and carries what is stored.",
    )
    def put(self, request: Request, lesson_id: str) -> Response:
        wanted = self._wanted(request, lesson_id)
        try:
            saved = saving.save(request.user, wanted)
        except saving.VersionConflict as conflict:
            raise _conflict(request, conflict.current) from conflict
        body = lesson_body(self._own(request, wanted.lesson_id))
        return Response(body, status=201 if saved is saving.Saved.CREATED else 200)

    @extend_schema(operation_id="lessons_delete", responses={204: None})
    def delete(self, request: Request, lesson_id: str) -> Response:
        saving.delete(request.user, _lesson_key(lesson_id))
        return Response(status=204)

    def _own(self, request: Request, key: UUID) -> Lesson:
        found = Lesson.objects.filter(id=key, owner=request.user).first()
        if found is None:
            raise NotFound("lesson")
        return found

    def _wanted(self, request: Request, lesson_id: str) -> saving.Save:
        asked = LessonPutSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        base = values["base_version"]
        return saving.Save(
            # A new lesson is named by the client, hence version 7; an imported one has its own.
            lesson_id=parse_uuid(lesson_id, "id", (7,) if base is None else ID_VERSIONS),
            title=values["title"],
            markdown=values["markdown"].replace("\r\n", "\n"),
            version=parse_uuid(values["version"], "version"),
            base_version=None if base is None else parse_uuid(base, "base_version"),
        )


def _lesson_key(text: str) -> UUID:
    return parse_uuid(text, "id", ID_VERSIONS)


def _conflict(request: Request, current: Lesson | None) -> ApiError:
    if current is None:
        message = "This lesson was deleted in the meantime. Nothing was changed."
        return ApiError(412, "version_conflict", message, current=None)
    message = "This lesson was saved elsewhere in the meantime. Nothing was changed."
    return ApiError(412, "version_conflict", message, current=lesson_body(current))


class ImportedLessonSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    title = serializers.CharField()
    slide_count = serializers.IntegerField()


class ImportWarningSerializer(serializers.Serializer):
    file = serializers.CharField()
    slide = serializers.IntegerField(allow_null=True)
    message = serializers.CharField()


class ImportSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    lessons = ImportedLessonSerializer(many=True)
    warnings = ImportWarningSerializer(many=True)


class ImportView(APIView):
    parser_classes = [RawParser]

    @extend_schema(
        operation_id="imports_put",
        parameters=[OpenApiParameter("filename", str, description="Tells the kind and the title.")],
        request={
            "text/markdown": OpenApiTypes.STR,
            "application/zip": OpenApiTypes.BINARY,
            "application/octet-stream": OpenApiTypes.BINARY,
        },
        responses=ImportSerializer,
        description="Imports one Markdown file, or a zip of Markdown files and their figures. "
        "All or nothing; repeating gives the same answer and changes nothing.",
    )
    def put(self, request: Request, import_id: str) -> Response:
        key = parse_uuid(import_id, "id")
        content = raw_body(request, ARCHIVE_LIMIT_BYTES, "The import")
        name = request.query_params.get("filename") or request.headers.get("Filename", "")
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        return Response(run_import(request.user, key, content, kind, name))
