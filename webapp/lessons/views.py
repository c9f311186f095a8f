"""Lessons of the signed-in teacher, and those colleagues share: list, read, save, delete, share, import, export."""

from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import FileResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.api.errors import ApiError
from webapp.api.ids import parse_uuid
from webapp.api.messages import Message
from webapp.api.parsers import RawParser, raw_body
from webapp.api.schema import ErrorSerializer
from webapp.lessons import bundle, saving, sharing
from webapp.lessons import text as texts
from webapp.lessons.archive import ARCHIVE_LIMIT_BYTES
from webapp.lessons.deck import parse_deck
from webapp.lessons.foreign import PROGRAMS, Program
from webapp.lessons.importer import run_import
from webapp.lessons.models import ID_VERSIONS, TITLE_LENGTH, Lesson
from webapp.media.models import MediaFile

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


class ReadLessonSerializer(LessonSerializer):
    """A lesson as a teacher reads it: also whose it is, and who else may read it."""

    author = serializers.CharField()
    mine = serializers.BooleanField(help_text="false: a colleague's, to read and copy only")
    shared = serializers.BooleanField(help_text="the author's school may read and copy it")


class OwnRowSerializer(LessonRowSerializer):
    shared = serializers.BooleanField(help_text="the school may read and copy it")


class SharedRowSerializer(LessonRowSerializer):
    author = serializers.CharField()


class SharingSerializer(serializers.Serializer):
    shared = serializers.BooleanField()


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
        "warnings": [{"slide": one.slide, "message": one.message.shown()} for one in deck.warnings],
    }


def _read_body(request: Request, lesson: Lesson) -> dict[str, Any]:
    return lesson_body(lesson) | {
        "author": lesson.owner.shown_name,
        "mine": lesson.owner_id == request.user.id,
        "shared": sharing.is_shared(lesson),
    }


class LessonListView(APIView):
    @extend_schema(
        operation_id="lessons_list",
        responses=inline_serializer("Lessons", {"results": OwnRowSerializer(many=True)}),
    )
    def get(self, request: Request) -> Response:
        rows = Lesson.objects.filter(owner=request.user).defer("markdown").order_by("-updated_at")
        listed = [
            {**LessonRowSerializer(row).data, "shared": sharing.is_shared(row)}
            for row in rows.select_related("share")
        ]
        return Response({"results": listed})


class SchoolLessonListView(APIView):
    @extend_schema(
        operation_id="school_lessons_list",
        responses=inline_serializer("SchoolLessons", {"results": SharedRowSerializer(many=True)}),
        description="What colleagues share with the signed-in teacher's school.",
    )
    def get(self, request: Request) -> Response:
        rows = sharing.from_colleagues(request.user).defer("markdown").order_by("-updated_at")
        listed = [{**LessonRowSerializer(row).data, "author": row.owner.shown_name} for row in rows]
        return Response({"results": listed})


class LessonView(APIView):
    @extend_schema(
        operation_id="lessons_show",
        responses=ReadLessonSerializer,
        description="A lesson of one's own, or one that a colleague shares with the school.",
    )
    def get(self, request: Request, lesson_id: str) -> Response:
        return Response(_read_body(request, sharing.find(request.user, _lesson_key(lesson_id))))

    @extend_schema(
        operation_id="lessons_put",
        request=LessonPutSerializer,
        responses={200: ReadLessonSerializer, 201: ReadLessonSerializer, 412: ConflictSerializer},
        description="Saves if `base_version` is the stored version, or the lesson is new. "
        "Repeating a save is harmless. 412 changes nothing and carries what is stored.",
    )
    def put(self, request: Request, lesson_id: str) -> Response:
        wanted = self._wanted(request, lesson_id)
        try:
            saved = saving.save(request.user, wanted)
        except saving.VersionConflict as conflict:
            raise _conflict(request, conflict.current) from conflict
        body = _read_body(request, sharing.find(request.user, wanted.lesson_id))
        return Response(body, status=201 if saved is saving.Saved.CREATED else 200)

    @extend_schema(operation_id="lessons_delete", responses={204: None})
    def delete(self, request: Request, lesson_id: str) -> Response:
        saving.delete(request.user, _lesson_key(lesson_id))
        return Response(status=204)

    def _wanted(self, request: Request, lesson_id: str) -> saving.Save:
        asked = LessonPutSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        base = values["base_version"]
        return saving.Save(
            # A new lesson is named by the client, hence version 7; an imported one has its own.
            lesson_id=parse_uuid(lesson_id, "id", (7,) if base is None else ID_VERSIONS),
            title=texts.title(values["title"]),
            markdown=texts.plain(values["markdown"]),
            version=parse_uuid(values["version"], "version"),
            base_version=None if base is None else parse_uuid(base, "base_version"),
        )


def _lesson_key(text: str) -> UUID:
    return parse_uuid(text, "id", ID_VERSIONS)


def _conflict(request: Request, current: Lesson | None) -> ApiError:
    if current is None:
        message = Message("This lesson was deleted in the meantime. Nothing was changed.")
        return ApiError(412, "version_conflict", message, current=None)
    message = Message("This lesson was saved elsewhere in the meantime. Nothing was changed.")
    return ApiError(412, "version_conflict", message, current=lesson_body(current))


class SharingView(APIView):
    @extend_schema(
        operation_id="lessons_share",
        request=None,
        responses=SharingSerializer,
        description="Teachers of the author's school may read and copy the lesson, notes included. "
        "Repeating is harmless.",
    )
    def put(self, request: Request, lesson_id: str) -> Response:
        sharing.share(request.user, _lesson_key(lesson_id))
        return Response({"shared": True})

    @extend_schema(
        operation_id="lessons_unshare",
        responses={204: None},
        description="Nobody else may read it from now on; copies that were made stay.",
    )
    def delete(self, request: Request, lesson_id: str) -> Response:
        sharing.unshare(request.user, _lesson_key(lesson_id))
        return Response(status=204)


class ArchiveView(APIView):
    @extend_schema(
        operation_id="lessons_export",
        parameters=[
            OpenApiParameter("for", str, enum=list(PROGRAMS), description="A program for slides.")
        ],
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
        description="The lesson as a zip of its Markdown and figures. Imported again, it is the same "
        "lesson. Or its slides as a deck of another program. 503: this host has not got all its figures yet, "
        "ask another.",
    )
    def get(self, request: Request, lesson_id: str) -> HttpResponseBase:
        program = _program(request)
        lesson = sharing.find(request.user, _lesson_key(lesson_id))
        figures, stem = _stored_figures(lesson), bundle.file_stem(lesson.title)
        if program:
            slides = parse_deck(lesson.markdown, limit_seconds=READ_LIMIT_SECONDS).slides
            file = "index.html" if program.ending == "html" else f"{stem}.{program.ending}"
            packed = bundle.write_deck(file, program.write(lesson.title, slides), figures)
        else:
            packed = bundle.write(lesson.title, lesson.markdown, figures)
        name = f"{stem}.zip"
        return FileResponse(
            packed, as_attachment=True, filename=name, content_type="application/zip"
        )


def _program(request: Request) -> Program | None:
    """Whose deck is asked for; None: our own."""
    name = request.query_params.get("for")
    if name is not None and name not in PROGRAMS:
        message = Message(
            "There is no export for “%(name)s”; there are: %(names)s.",
            name=name[:40],
            names=", ".join(PROGRAMS),
        )
        raise ApiError(400, "unknown_program", message)
    return PROGRAMS[name] if name else None


def _stored_figures(lesson: Lesson) -> dict[str, Path]:
    """The lesson's figures on this host. What was never stored anywhere is not among them."""
    names = bundle.media_names(lesson.markdown)
    known = set(MediaFile.objects.filter(name__in=names).values_list("name", flat=True))
    paths = {n: Path(settings.MEDIA_ROOT) / n[:2] / n for n in names if n in known}
    if absent := [name for name, path in paths.items() if not path.is_file()]:
        message = Message(
            "This host has not got the figure %(figure)s yet. Another host can answer.",
            figure=absent[0],
        )
        raise ApiError(503, "figure_absent", message)
    return paths


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
            "text/html": OpenApiTypes.STR,
            "application/zip": OpenApiTypes.BINARY,
            "application/octet-stream": OpenApiTypes.BINARY,
        },
        responses=ImportSerializer,
        description="Imports one Markdown file (Marp's too), one reveal.js deck, or a zip of such with their figures. "
        "All or nothing; repeating gives the same answer and changes nothing.",
    )
    def put(self, request: Request, import_id: str) -> Response:
        key = parse_uuid(import_id, "id")
        content = raw_body(request, ARCHIVE_LIMIT_BYTES, Message("The import"))
        name = request.query_params.get("filename") or request.headers.get("Filename", "")
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        return Response(run_import(request.user, key, content, kind, name))
