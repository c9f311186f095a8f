"""Request bodies: JSON with a limit, and raw bodies read with a limit.

Deliberately no forms and no multipart: a page of another site can't make a browser send JSON.
"""

import io
from typing import IO, Any

from django.utils.translation import gettext
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.request import Request

from webapp.api.errors import ApiError
from webapp.api.messages import Message
from webapp.api.sizes import megabytes

# Room for the largest lesson with every character escaped as six.
JSON_LIMIT_BYTES = 8 * 1024 * 1024
CHUNK_BYTES = 256 * 1024


def read_limited(stream: IO[bytes], limit: int, what: Message) -> bytes:
    """The whole body; ApiError 413 `too_large` if it is longer than the limit.

    A body that is too long is read to a bounded end first: closing while the client still writes
    makes it see a broken connection instead of the message.
    """
    chunks, size = [], 0
    while chunk := stream.read(CHUNK_BYTES):
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        elif size > 4 * limit:
            break
    if size > limit:
        raise ApiError(
            413,
            "too_large",
            Message(
                "%(what)s is too large: at most %(limit)s are taken.",
                what=what,
                limit=megabytes(limit),
            ),
            limit_bytes=limit,
        )
    return b"".join(chunks)


class BoundedJSONParser(JSONParser):
    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Any = None
    ) -> dict[str, Any]:
        raw = read_limited(stream, JSON_LIMIT_BYTES, Message("The request"))
        try:
            found = super().parse(io.BytesIO(raw), media_type, parser_context)
        except RecursionError as error:
            raise ParseError(gettext("The JSON is nested too deeply.")) from error
        if not isinstance(found, dict):
            raise ParseError(gettext("The JSON must be one object."))
        return found


class RawParser(BaseParser):
    """Leaves the body unread: the view reads it by `raw_body`, knowing its own limit."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return {}


def raw_body(request: Request, limit: int, what: Message) -> bytes:
    return read_limited(request._request, limit, what)
