"""PUT of one figure by its hash. Reading is nginx's work, not ours."""

import hashlib
from pathlib import Path

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.api.errors import ApiError
from webapp.api.messages import Message
from webapp.api.parsers import RawParser, raw_body
from webapp.media import store
from webapp.media.models import record
from webapp.media.types import MEDIA_TYPES, BadMedia, detect

_ALIASES = {"jpeg": "jpg"}


class MediaUrlSerializer(serializers.Serializer):
    url = serializers.CharField()


class MediaView(APIView):
    parser_classes = [RawParser]

    @extend_schema(
        operation_id="media_put",
        request=dict.fromkeys(("image/*", "audio/*", "video/*"), OpenApiTypes.BINARY),
        responses={200: MediaUrlSerializer, 201: MediaUrlSerializer},
        description="Stores a figure (picture, sound or film) under the SHA-256 of its content: "
        "`<sha256>.<extension>`. Repeating is harmless.",
    )
    def put(self, request: Request, name: str) -> Response:
        sha256, extension = _split(name)
        content = raw_body(request, store.MEDIA_LIMIT_BYTES, Message("The figure"))
        _check(content, sha256, extension)
        stored = store.put(Path(settings.MEDIA_ROOT), content)
        record([stored])
        return Response({"url": stored.url}, status=201 if stored.created else 200)


def _split(name: str) -> tuple[str, str]:
    sha256, _, extension = name.partition(".")
    extension = _ALIASES.get(extension, extension)
    if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
        text = Message("The name must be the lower-case SHA-256 of the content.")
        raise ApiError(400, "bad_name", text)
    if extension not in MEDIA_TYPES:
        kinds = ", ".join(MEDIA_TYPES)
        text = Message("Only figures are stored here: %(kinds)s.", kinds=kinds)
        raise ApiError(415, "unsupported_type", text)
    return sha256, extension


def _check(content: bytes, sha256: str, extension: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        text = Message(
            "The content's SHA-256 is %(found)s, not %(named)s.", found=found, named=sha256
        )
        raise ApiError(400, "hash_mismatch", text)
    try:
        kind = detect(content)
    except BadMedia as error:
        text = Message("This figure is not stored: %(reason)s.", reason=error.message)
        raise ApiError(415, error.code, text) from error
    if kind != extension:
        text = Message("The content is %(found)s, not %(named)s.", found=kind, named=extension)
        raise ApiError(415, "wrong_extension", text)
