"""Reads an uploaded zip without trusting it: names, sizes and counts first, contents bounded.

Deliberately extracts nothing to disk and opens no zip inside the zip. Every refusal is an ApiError
that names the file and the limit.
"""

import io
import re
import stat
import struct
import zipfile
import zlib
from posixpath import normpath

from webapp.api.errors import ApiError
from webapp.api.messages import Message
from webapp.api.sizes import megabytes

# A lesson with a film or two; an export is never larger, so that it can come back.
ARCHIVE_LIMIT_BYTES = 100 * 1024 * 1024
UNPACKED_LIMIT_BYTES = 200 * 1024 * 1024
FILE_LIMIT_COUNT = 2000
# Text packs about 10:1, drawings 30:1; a bomb 1000:1. Small files may pack as they like.
RATIO_LIMIT = 200
RATIO_FREE_BYTES = 1024 * 1024
_DIRECTORY_LIMIT_BYTES = FILE_LIMIT_COUNT * 1024
_DRIVE = re.compile(r"^[A-Za-z]:")
_IGNORED_FOLDERS = {"__MACOSX", ".git", ".svn"}


def _refuse(code: str, message: Message, status: int = 400) -> ApiError:
    return ApiError(status, code, message)


class Archive:
    """The files of a zip by their path with forward slashes; hidden and system files left out."""

    def __init__(self, content: bytes) -> None:
        _check_directory(content)
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
            infos = [info for info in self._zip.infolist() if not info.is_dir()]
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
            message = Message("The zip file cannot be read: %(error)s.", error=error)
            raise _refuse("bad_zip", message) from error
        _check_totals(infos)
        self._infos: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            path = _safe_path(info)
            if not _ignored(path):
                self._infos[path] = info
        self.paths = sorted(self._infos)
        # Decks from Windows and macOS often differ from their files in case only.
        self._folded = {path.casefold(): path for path in self.paths}
        self._budget = UNPACKED_LIMIT_BYTES

    def find(self, *candidates: str) -> str | None:
        """The first of these paths that is there, else one that differs in case only, else None."""
        for path in candidates:
            if path in self._infos:
                return path
        folded = (self._folded.get(path.casefold()) for path in candidates)
        return next((path for path in folded if path), None)

    def size(self, path: str) -> int:
        """Bytes as the directory claims them; `read` counts for itself."""
        return self._infos[path].file_size

    def read(self, path: str, limit: int) -> bytes:
        """The content of one file, ApiError if it is longer than the limit or damaged."""
        limit = min(limit, self._budget)
        try:
            with self._zip.open(self._infos[path]) as file:
                content = file.read(limit + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
            EOFError,
            RuntimeError,
            OSError,
            ValueError,
        ) as error:
            message = Message("%(file)s in the zip is damaged: %(error)s.", file=path, error=error)
            raise _refuse("bad_zip", message) from error
        if len(content) > limit:
            raise too_large(path, limit)
        self._budget -= len(content)
        return content


def too_large(path: str, limit: int) -> ApiError:
    message = Message(
        "%(what)s is too large: at most %(limit)s are taken.", what=path, limit=megabytes(limit)
    )
    return ApiError(413, "too_large", message, limit_bytes=limit)


def _check_directory(content: bytes) -> None:
    """Bounds what `zipfile` will read: its directory of a million names takes minutes."""
    end = content.rfind(b"PK\x05\x06")
    if end < 0 or len(content) < end + 22:
        raise _refuse("bad_zip", Message("This is not a zip file, or its end is missing."))
    count, size = struct.unpack_from("<HI", content, end + 10)
    if count > FILE_LIMIT_COUNT or size > _DIRECTORY_LIMIT_BYTES:
        raise _too_many()


def _too_many() -> ApiError:
    message = Message(
        "The zip has too many files: at most %(count)s are taken.", count=FILE_LIMIT_COUNT
    )
    return _refuse("too_large", message, 413)


def _check_totals(infos: list[zipfile.ZipInfo]) -> None:
    if len(infos) > FILE_LIMIT_COUNT:
        raise _too_many()
    if sum(info.file_size for info in infos) > UNPACKED_LIMIT_BYTES:
        limit = megabytes(UNPACKED_LIMIT_BYTES)
        message = Message("Unpacked the zip is too large: at most %(limit)s.", limit=limit)
        raise _refuse("too_large", message, 413)
    for info in infos:
        if info.flag_bits & 0x1:
            message = Message(
                "%(file)s is encrypted. Make the zip without a password.", file=info.filename
            )
            raise _refuse("encrypted_zip", message)
        packed = max(info.compress_size, 1)
        if info.file_size > RATIO_FREE_BYTES and info.file_size / packed > RATIO_LIMIT:
            message = Message(
                "%(file)s is packed more than %(ratio)s:1, as no deck is.",
                file=info.filename,
                ratio=RATIO_LIMIT,
            )
            raise _refuse("too_large", message, 413)


def _safe_path(info: zipfile.ZipInfo) -> str:
    # orig_filename: `zipfile` cuts the other name at a NUL.
    name = info.orig_filename.replace("\\", "/")
    parts = name.split("/")
    if (
        name.startswith("/")
        or _DRIVE.match(name)
        or ".." in parts
        or any(ord(ch) < 32 for ch in name)
    ):
        message = Message("%(file)s in the zip leads outside its folder.", file=repr(name[:200]))
        raise _refuse("unsafe_path", message)
    if stat.S_ISLNK(info.external_attr >> 16):
        message = Message("%(file)s in the zip is a symbolic link.", file=name[:200])
        raise _refuse("unsafe_path", message)
    return normpath(name)


def _ignored(path: str) -> bool:
    parts = path.split("/")
    return any(part in _IGNORED_FOLDERS or part.startswith(".") for part in parts)
