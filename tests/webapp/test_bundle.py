"""webapp/lessons/bundle: a lesson's zip brings back the same text, whatever it says."""

import hashlib
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from webapp.api.errors import ApiError
from webapp.lessons import bundle, text

FIGURES = {
    f"{hashlib.sha256(bytes([number])).hexdigest()}.{kind}": bytes([number])
    for number, kind in enumerate(("png", "svg", "mp4"))
}
URLS = [f"/media/{name[:2]}/{name}" for name in FIGURES]
NEVER_STORED = f"/media/ab/ab{'0' * 62}.png"
# What could be taken for something else on the way: names of folders, of figures, of both in a row.
PIECES = [
    *URLS,
    NEVER_STORED,
    *(f"figures/{name}" for name in FIGURES),
    "figures/",
    "figures-2/",
    "/media/",
    "![a](",
    ")",
    "`",
    "---",
    "\n",
    "\n\n",
    "\ufeff",
    "\r",
    "\f",
    "# ",
    "Note: ",
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(st.characters(codec="utf-8"), max_size=8)).map(
    "".join
)


def round_trip(title: str, markdown: str) -> tuple[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / name for name in FIGURES}
        for name, content in FIGURES.items():
            paths[name].write_bytes(content)
        asked = {n: paths[n] for n in bundle.media_names(markdown) if n in paths}
        with zipfile.ZipFile(bundle.write(title, markdown, asked)) as archive:
            ((file, entry),) = bundle.read_note(archive.read(bundle.NOTE)).items()
            body = archive.read(file).decode()
            stored = {}
            for name in bundle.names_in(entry, body):
                content = archive.read(f"{entry.figures}/{name}")
                assert content == FIGURES[name]
                stored[name] = f"/media/{name[:2]}/{name}"
        return entry.title, bundle.restore(entry, text.plain(body), stored)


@example(title="0", markdown="\ufeff\ufeff")
@given(title=st.text(st.characters(codec="utf-8"), min_size=1), markdown=TEXTS)
def test_what_goes_out_comes_back_the_same(title: str, markdown: str) -> None:
    title = text.title(title)
    try:
        markdown = text.plain(markdown)
    except ApiError:
        return  # The API refuses such a text, so it is never stored.
    assert round_trip(title, markdown) == (title, markdown)


def test_the_same_lesson_is_the_same_zip() -> None:
    assert bundle.write("A", "# A", {}).read() == bundle.write("A", "# A", {}).read()


def test_figures_stand_beside_the_text_so_that_other_programs_show_them(tmp_path: Path) -> None:
    name, content = next(iter(FIGURES.items()))
    (tmp_path / name).write_bytes(content)
    made = bundle.write("Maps & seas", f"![a map]({URLS[0]})\n", {name: tmp_path / name})
    with zipfile.ZipFile(made) as archive:
        assert archive.read("Maps-seas.md").decode() == f"![a map](figures/{name})\n"
        assert archive.read(f"figures/{name}") == content


def test_a_lesson_too_large_to_come_back_is_refused_in_words(tmp_path: Path) -> None:
    name = next(iter(FIGURES))
    with (tmp_path / name).open("wb") as file:
        file.truncate(101 * 1024 * 1024)
    with pytest.raises(ApiError, match="have 101 MB, and a zip can be imported up to 100 MB"):
        bundle.write("A", f"![]({URLS[0]})", {name: tmp_path / name})


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"[]",
        b"{}",
        b'{"format": 1, "lessons": [{"title": "x", "file": "a.md", "figures": "../.."}]}',
        b'{"format": 2, "lessons": [{"title": "x", "file": "a.md", "figures": "figures"}]}',
        b'{"format": 1, "lessons": [{"title": "x"}]}',
        b'{"format": 1, "lessons": 7}',
        b"[" * 60_000,
        b"\xff",
    ],
)
def test_a_note_that_is_none_is_passed_over(note: bytes) -> None:
    assert bundle.read_note(note) == {}


def test_a_title_of_a_note_is_made_one_line_of_what_can_be_stored() -> None:
    note = b'{"format": 1, "lessons": [{"title": "a\\u0000b\\ud800\\n c", "file": "a.md", "figures": "figures"}]}'
    assert bundle.read_note(note)["a.md"].title == "a b c"
