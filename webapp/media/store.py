"""Content-addressed files: MEDIA_ROOT/ab/<sha256>.<ext>, immutable, written at most once.

Deliberately knows no database and no request. nginx serves the files, csync2 and the peers' front
doors carry them to other hosts.
"""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from webapp.media.types import detect

# Ten minutes of a film made small for a lesson; longer ones belong on a film server.
MEDIA_LIMIT_BYTES = 50 * 1024 * 1024


@dataclass(frozen=True)
class Stored:
    sha256: str
    extension: str
    size: int
    created: bool

    @property
    def name(self) -> str:
        return f"{self.sha256}.{self.extension}"

    @property
    def url(self) -> str:
        return f"/media/{self.sha256[:2]}/{self.name}"


def put(root: Path, content: bytes) -> Stored:
    """Stores a figure and returns where; storing it again changes nothing. Raises BadMedia.

    The file appears under its name only when all of it is on the disk: a reader, or a crash,
    finds the whole file or none.
    """
    extension = detect(content)
    sha256 = hashlib.sha256(content).hexdigest()
    folder = root / sha256[:2]
    target = folder / f"{sha256}.{extension}"
    # A crash can't leave half a file, a failing disk can: the size costs nothing to compare.
    created = not (target.exists() and target.stat().st_size == len(content))
    if created:
        folder.mkdir(parents=True, exist_ok=True)
        _write_atomically(folder, target, content)
    return Stored(sha256, extension, len(content), created)


def _write_atomically(folder: Path, target: Path, content: bytes) -> None:
    # A leading dot: the front door and csync2 pass over what is not finished.
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".incoming-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        os.rename(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(folder)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    """A rename is durable only when the folder that holds the name is."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
