"""Which figures are taken (pictures, sound, video), told by their content and never by their name.

SVG with anything that could run is refused, not repaired: the name of a media file is the hash of
its content, so what is stored must be byte for byte what was sent. The front door serves media
with a Content-Security-Policy besides.
"""

from xml.parsers import expat

from webapp.api.messages import Message

MEDIA_TYPES = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
}
_HEIC = Message("HEIC pictures are not shown by browsers: save it as JPEG")
_HEIF = Message("HEIF pictures are not shown by browsers: save it as JPEG")
# ISO base media files (ISO 14496-12) that no board shows, and what to do about it.
_UNSHOWN_BRANDS = {
    b"heic": _HEIC,
    b"heix": _HEIC,
    b"mif1": _HEIF,
    b"msf1": _HEIF,
    b"qt  ": Message("QuickTime films are not shown by all browsers: save it as MP4 (H.264)"),
}
_SVG = "http://www.w3.org/2000/svg"
_LIVE_NAMESPACES = {"", _SVG, "http://www.w3.org/1999/xhtml"}
_ACTIVE_ELEMENTS = {"script", "iframe", "object", "embed", "handler", "listener", "meta", "base"}
_ACTIVE_SCHEMES = ("javascript:", "vbscript:", "data:text/html", "data:application/xhtml")

_BLANKS = dict.fromkeys(range(33))


class BadMedia(Exception):
    """This content is not stored; `code` is for programs, the message for people."""

    def __init__(self, code: str, message: Message) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


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
    if content[4:8] == b"ftyp":
        return _iso_media(content[8:12])
    if found := _sound_or_film(content):
        return found
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        _check_svg(content)
        return "svg"
    kinds = ", ".join(MEDIA_TYPES)
    raise BadMedia(
        "unsupported_type", Message("it is no figure of a known kind (%(kinds)s)", kinds=kinds)
    )


def _iso_media(brand: bytes) -> str:
    if brand in (b"avif", b"avis"):
        return "avif"
    if brand in _UNSHOWN_BRANDS:
        raise BadMedia("unsupported_type", _UNSHOWN_BRANDS[brand])
    return "m4a" if brand in (b"M4A ", b"M4B ") else "mp4"


def _sound_or_film(content: bytes) -> str:
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        return "wav"
    if content.startswith(b"OggS"):
        return "ogg"
    if content.startswith(b"\x1aE\xdf\xa3") and b"webm" in content[:64]:
        return "webm"
    # An ID3 tag, or the first frame of MPEG layer III: eleven set bits, then the layer.
    frame = content[:1] == b"\xff" and len(content) > 1 and content[1] & 0xE6 == 0xE2
    return "mp3" if content.startswith(b"ID3") or frame else ""


class _SvgCheck:
    """Collects the first reason against an SVG while expat reads it."""

    def __init__(self) -> None:
        self.root = ""
        self.problem: Message | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.root = self.root or name
        namespace, _, local = name.rpartition(" ")
        if namespace not in _LIVE_NAMESPACES:
            return  # Drawing programs keep notes of their own here; browsers do nothing with them.
        local = local.lower()
        if local in _ACTIVE_ELEMENTS:
            self.problem = self.problem or Message("it contains %(tag)s", tag=f"<{local}>")
        for attribute, value in attributes.items():
            self._attribute(attribute.rsplit(" ", 1)[-1].lower(), value)

    def _attribute(self, name: str, value: str) -> None:
        # Browsers skip blanks and control characters inside a scheme, so they are skipped here.
        target = value.translate(_BLANKS).lower()
        if name.startswith("on"):
            self.problem = self.problem or Message(
                "it contains the event attribute %(name)s", name=name
            )
        elif any(scheme in target for scheme in _ACTIVE_SCHEMES):
            self.problem = self.problem or Message("its attribute %(name)s runs code", name=name)

    def instruction(self, target: str, data: str) -> None:
        if target.lower() == "xml-stylesheet":
            self.problem = self.problem or Message("it loads a style sheet from elsewhere")


def _check_svg(content: bytes) -> None:
    check = _SvgCheck()
    # Expat bounds entity expansion itself and loads nothing from elsewhere unless told how.
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = check.start
    parser.ProcessingInstructionHandler = check.instruction
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        message = Message("it is no well-formed SVG: %(error)s", error=error)
        raise BadMedia("unsupported_type", message) from error
    if check.root != f"{_SVG} svg":
        raise BadMedia("unsupported_type", Message("it is XML but not an SVG figure"))
    if check.problem:
        message = Message("%(problem)s, so it is not shown to a class", problem=check.problem)
        raise BadMedia("unsafe_svg", message)
