"""What every stored title and Markdown text have in common, wherever they came from.

Only so can a text go out as a file, through editors of other systems, and come back the same.
"""

import re

from webapp.api.errors import ApiError
from webapp.api.messages import Message

TITLE_LENGTH = 200

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f]")
_UNPRINTED = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\s]+")


def plain(text: str, what: str = Message("The Markdown")) -> str:
    """The text with line feeds for all line ends and no byte order mark before it.

    Raises ApiError 400 `not_text` for control characters: no keyboard makes them, some break files.
    """
    text = text.lstrip("\ufeff").replace("\r\n", "\n")
    text = text.replace("\r", "\n").replace("\f", "\n")
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        message = Message(
            "%(what)s holds control characters (line %(line)s): it is no text.",
            what=what,
            line=line,
        )
        raise ApiError(400, "not_text", message)
    return text


def printable(text: str) -> str:
    """The text without control characters: what another program made may be mended."""
    return _CONTROL.sub("", text)


def title(words: str) -> str:
    """A title as it is stored: one line, no longer than there is room. May be empty."""
    return _UNPRINTED.sub(" ", words).strip()[:TITLE_LENGTH].strip()
