"""Decks as teachers send them, made here: no file of the repository is needed."""

import io
import zipfile
from pathlib import Path

FIGURE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 90">
<rect width="160" height="90" fill="#e9f0ff"/><circle cx="80" cy="45" r="{radius}" fill="#2456c4"/>
</svg>"""


def tides(slides: int = 12, title: str = "The tides") -> bytes:
    """A zip of one lesson with steps and notes on each slide, and figures."""
    parts = [f"# {title}\n\nNote: Low water?"]
    for number in range(2, slides + 1):
        lines = [f"## Tide {number}", ""]
        if number % 3 == 0:
            lines += [f"![Water at hour {number}](fig/water{number}.svg)", ""]
        lines += [f"* Point {number}.{point}" for point in range(1, 1 + number % 4)]
        lines += ["", f"Note: Question {number}?"]
        parts.append("\n".join(lines))
    files = {"tides.md": "\n\n---\n\n".join(parts).encode()}
    for number in range(3, slides + 1, 3):
        files[f"fig/water{number}.svg"] = FIGURE.format(radius=number + 10).encode()
    return zipped(files)


def folder_zip(folder: Path) -> bytes:
    """All of a folder, as "compress" in a file manager does it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return zipped({path.relative_to(folder.parent).as_posix(): path.read_bytes() for path in files})


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()
