"""Which figures are taken, told by their content and never by their name.

SVG with anything that could run is refused, not repaired: the name of a media file is the hash of
its content, so what is stored must be byte for byte what was sent. The front door serves media
with a Content-Security-Policy besides.
"""

from xml.parsers import expat

MEDIA_TYPES = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
}
_SVG = "http://www.w3.org/2000/svg"
_LIVE_NAMESPACES = {"", _SVG, "http://www.w3.org/1999/xhtml"}
_ACTIVE_ELEMENTS = {"script", "iframe", "object", "embed", "handler", "listener", "meta", "base"}
_ACTIVE_SCHEMES = ("javascript:", "vbscript:", "data:text/html", "data:application/xhtml")

_BLANKS = dict.fromkeys(range(33))


class BadMedia(Exception):
    """This content is not stored; `code` is for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def detect(content: bytes) -> str:
    """The extension for this content. Raises BadMedia for anything but a safe figure."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    if content[4:8] == b"ftyp" and content[8:12] in (b"avif", b"avis"):
        return "avif"
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        _check_svg(content)
        return "svg"
    kinds = ", ".join(MEDIA_TYPES)
    raise BadMedia("unsupported_type", f"it is no figure of a known kind ({kinds})")


class _SvgCheck:
    """Collects the first reason against an SVG while expat reads it."""

    def __init__(self) -> None:
        self.root = ""
        self.problem = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.root = self.root or name
        namespace, _, local = name.rpartition(" ")
        if namespace not in _LIVE_NAMESPACES:
            return  # Drawing programs keep notes of their own here; browsers do nothing with them.
        local = local.lower()
        if local in _ACTIVE_ELEMENTS:
            self.problem = self.problem or f"it contains <{local}>"
        for attribute, value in attributes.items():
            self._attribute(attribute.rsplit(" ", 1)[-1].lower(), value)

    def _attribute(self, name: str, value: str) -> None:
        # Browsers skip blanks and control characters inside a scheme, so they are skipped here.
        target = value.translate(_BLANKS).lower()
        if name.startswith("on"):
            self.problem = self.problem or f"it contains the event attribute {name}"
        elif any(scheme in target for scheme in _ACTIVE_SCHEMES):
            self.problem = self.problem or f"its attribute {name} runs code"

    def instruction(self, target: str, data: str) -> None:
        if target.lower() == "xml-stylesheet":
            self.problem = self.problem or "it loads a style sheet from elsewhere"


def _check_svg(content: bytes) -> None:
    check = _SvgCheck()
    # Expat bounds entity expansion itself and loads nothing from elsewhere unless told how.
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = check.start
    parser.ProcessingInstructionHandler = check.instruction
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise BadMedia("unsupported_type", f"it is no well-formed SVG: {error}") from error
    if check.root != f"{_SVG} svg":
        raise BadMedia("unsupported_type", "it is XML but not an SVG figure")
    if check.problem:
        raise BadMedia("unsafe_svg", f"{check.problem}, so it is not shown to a class")
