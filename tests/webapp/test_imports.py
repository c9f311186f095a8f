"""webapp/lessons imports: decks and zips, real and nasty ones, made here."""

import io
import random
import stat
import struct
import uuid
import zipfile
from pathlib import Path

import pytest

from tests.webapp.support import Client, deck_folder, error_of, is_uuid7, make_zip, uuid7

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><rect width="1" height="1"/></svg>'


def lessons_of(client: Client) -> list[dict[str, object]]:
    return list(client.get("lessons").json()["results"])


def test_a_markdown_file_becomes_a_lesson(teacher: Client) -> None:
    answer = teacher.import_(b"---\ntitle: Bells\n---\n\n# Hi\n", "text/markdown", "bells.md")
    assert answer.status_code == 200
    (lesson,) = answer.json()["lessons"]
    assert lesson["title"] == "Bells"
    read = teacher.get(f"lessons/{lesson['id']}").json()
    assert len(read["slides"]) == lesson["slide_count"]
    assert is_uuid7(read["version"])


def test_an_imported_lesson_can_be_saved_and_deleted(teacher: Client) -> None:
    lesson = teacher.import_(b"# Hi\n", "text/markdown").json()["lessons"][0]
    path = f"lessons/{lesson['id']}"
    version = teacher.get(path).json()["version"]
    save = {"title": "T", "markdown": "# New", "version": uuid7(), "base_version": version}
    assert teacher.put(path, save).status_code == 200
    assert teacher.delete(path).status_code == 204


def test_repeating_an_import_changes_nothing(teacher: Client) -> None:
    key, content = uuid7(), make_zip({"a.md": "# A\n", "b/c.md": "# C\n"})
    first = teacher.import_(content, key=key)
    ids = {lesson["id"] for lesson in first.json()["lessons"]}
    assert ids == {str(uuid.uuid5(uuid.UUID(key), path)) for path in ("a.md", "b/c.md")}
    gone, edited = sorted(ids)
    version = teacher.get(f"lessons/{edited}").json()["version"]
    save = {"title": "T", "markdown": "# Edited", "version": uuid7(), "base_version": version}
    assert teacher.put(f"lessons/{edited}", save).status_code == 200
    assert teacher.delete(f"lessons/{gone}").status_code == 204
    again = teacher.import_(content, key=key)
    assert again.json() == first.json()
    assert [row["id"] for row in lessons_of(teacher)] == [edited]
    assert teacher.get(f"lessons/{edited}").json()["markdown"] == "# Edited"


def test_an_import_id_used_for_something_else_is_refused(teacher: Client, stranger: Client) -> None:
    key = uuid7()
    assert teacher.import_(b"# A", "text/markdown", key=key).status_code == 200
    for client, content in ((teacher, b"# B"), (stranger, b"# A")):
        answer = client.import_(content, "text/markdown", key=key)
        assert answer.status_code == 409
        assert error_of(answer)["code"] == "id_reused"


def test_figures_of_a_zip_are_stored_and_linked(teacher: Client, media_root: Path) -> None:
    deck = (
        "# One\n\n![tree](fig/tree.svg 'A tree')\n\n![][dot]\n\n"
        '<img src="fig/dot.png" width="3">\n\n[dot]: fig/dot.png\n'
    )
    content = make_zip(
        {"school/deck.md": deck, "school/fig/tree.svg": SVG, "school/fig/dot.png": PNG}
    )
    answer = teacher.import_(content).json()
    assert answer["warnings"] == []
    lesson = teacher.get(f"lessons/{answer['lessons'][0]['id']}").json()
    assert "fig/" not in lesson["markdown"]
    assert lesson["markdown"].count("/media/") == 3
    assert "'A tree'" in lesson["markdown"]
    assert lesson["warnings"] == []
    for word in lesson["markdown"].replace('"', " ").replace(")", " ").replace("(", " ").split():
        if word.startswith("/media/"):
            assert (media_root / word.removeprefix("/media/")).is_file()


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("fig/my%20tree.svg", "fig/my tree.svg"),
        ("<fig/my tree.svg>", "fig/my tree.svg"),
        ("./fig/tree.svg", "fig/tree.svg"),
        ("/fig/tree.svg", "fig/tree.svg"),
        ("../fig/tree.svg", "fig/tree.svg"),
        ("fig/Tree.SVG", "fig/tree.svg"),
        ("fig\\tree.svg", "fig/tree.svg"),
        ("fig/tree_(1).svg", "fig/tree_(1).svg"),
        ("fig/tree.svg?raw=1", "fig/tree.svg"),
    ],
)
def test_figures_are_found_however_they_are_written(
    teacher: Client, target: str, name: str
) -> None:
    folder = "decks/" if target.startswith("..") else ""
    answer = teacher.import_(make_zip({f"{folder}deck.md": f"![]({target})\n", name: SVG}))
    assert answer.json()["warnings"] == []
    lesson = teacher.get(f"lessons/{answer.json()['lessons'][0]['id']}").json()
    assert "/media/" in lesson["slides"][0]["markdown"]


def test_missing_figures_and_broken_links_name_file_slide_and_target(teacher: Client) -> None:
    deck = "# One\n\n---\n\n![](fig/none.svg)\n\n[there](gone.md)\n"
    warnings = teacher.import_(make_zip({"a/deck.md": deck})).json()["warnings"]
    assert [(one["file"], one["slide"]) for one in warnings] == [("a/deck.md", 2)] * 2
    assert "fig/none.svg" in warnings[0]["message"]
    assert "gone.md" in warnings[1]["message"]


@pytest.mark.parametrize(
    ("figure", "reason"),
    [
        ("<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "<script>"),
        ("<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "onload"),
        (
            "<svg xmlns='http://www.w3.org/2000/svg'><a href=' java&#10;script:x()'/></svg>",
            "runs code",
        ),
        ("<svg", "well-formed"),
        ("<html xmlns='http://www.w3.org/1999/xhtml'/>", "not an SVG"),
        ("MZ\x00\x00", "no figure"),
    ],
)
def test_a_figure_that_could_run_code_is_left_out_with_its_reason(
    teacher: Client, media_root: Path, figure: str, reason: str
) -> None:
    before = sorted(media_root.rglob("*"))
    answer = teacher.import_(make_zip({"deck.md": "# A\n\n![](a.svg)\n", "a.svg": figure}))
    assert answer.status_code == 200
    (warning,) = answer.json()["warnings"]
    assert reason in warning["message"]
    assert "a.svg" in warning["message"]
    assert sorted(media_root.rglob("*")) == before


def test_an_entity_bomb_in_an_svg_is_left_out_quickly(teacher: Client) -> None:
    bomb = "<!DOCTYPE svg [<!ENTITY a0 'lollollol'>"
    bomb += "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12))
    bomb += "]><svg xmlns='http://www.w3.org/2000/svg'><text>&a11;</text></svg>"
    answer = teacher.import_(make_zip({"deck.md": "![](a.svg)\n", "a.svg": bomb}))
    assert answer.elapsed.total_seconds() < 5
    assert "a.svg" in answer.json()["warnings"][0]["message"]


def symlink() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("link.md")
        info.create_system = 3
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return buffer.getvalue()


def encrypted() -> bytes:
    content = bytearray(make_zip({"deck.md": "# A"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    return bytes(content)


def damaged() -> bytes:
    content = bytearray(make_zip({"deck.md": random.Random(1).randbytes(4000).hex()}))
    content[200:220] = b"x" * 20
    return bytes(content)


def lying() -> bytes:
    """A bomb whose directory claims a small size."""
    content = bytearray(make_zip({"deck.md": b"a" * 30_000_000}))
    entry = content.index(b"PK\x01\x02")
    struct.pack_into("<I", content, entry + 24, 1000)
    struct.pack_into("<I", content, content.index(b"PK\x03\x04") + 22, 1000)
    return bytes(content)


BAD = {
    "a name that climbs": (make_zip({"a.md": "# A", "../evil.md": "# E"}), 400, "unsafe_path"),
    "a name that climbs inside": (make_zip({"a/../../e.md": "# E"}), 400, "unsafe_path"),
    "a windows name that climbs": (make_zip({"..\\e.md": "# E"}), 400, "unsafe_path"),
    "an absolute name": (make_zip({"/etc/e.md": "# E"}), 400, "unsafe_path"),
    "a drive letter": (make_zip({"C:/e.md": "# E"}), 400, "unsafe_path"),
    "a symbolic link": (symlink(), 400, "unsafe_path"),
    "an encrypted file": (encrypted(), 400, "encrypted_zip"),
    "a bomb": (make_zip({"deck.md": "# A", "z.bin": b"\0" * 50_000_000}), 413, "too_large"),
    "a bomb that lies": (lying(), 400, "bad_zip"),
    "too many files": (make_zip({f"{n}.txt": "" for n in range(2001)}), 413, "too_large"),
    "large markdown": (
        make_zip({"deck.md": random.Random(2).randbytes(900_000).hex()}),
        413,
        "too_large",
    ),
    "an empty zip": (make_zip({}), 400, "no_markdown"),
    "no markdown": (make_zip({"a.png": PNG}), 400, "no_markdown"),
    "only markdown of macOS": (make_zip({"__MACOSX/._a.md": "x"}), 400, "no_markdown"),
    "a damaged file": (damaged(), 400, "bad_zip"),
    "half a zip": (make_zip({"deck.md": "# A" * 999})[:60], 400, "bad_zip"),
    "no zip at all": (b"hello", 400, "bad_zip"),
    "binary with a markdown name": (make_zip({"a.md": "# A", "b.md": PNG}), 400, "not_text"),
    "latin-1 text": (make_zip({"a.md": "# A", "b.md": "Größe".encode("latin-1")}), 400, "not_text"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_zip_gets_a_clear_message_and_leaves_nothing_behind(
    teacher: Client, name: str
) -> None:
    content, status, code = BAD[name]
    answer = teacher.import_(content)
    assert answer.status_code == status, answer.text
    assert error_of(answer)["code"] == code
    assert answer.elapsed.total_seconds() < 10
    assert lessons_of(teacher) == []


def test_messages_about_bad_files_name_the_file_and_the_limit(teacher: Client) -> None:
    assert "../evil.md" in error_of(teacher.import_(BAD["a name that climbs"][0]))["message"]
    assert "b.md" in error_of(teacher.import_(BAD["latin-1 text"][0]))["message"]
    message = error_of(teacher.import_(BAD["large markdown"][0]))["message"]
    assert "deck.md" in message
    assert "1 MB" in message


@pytest.mark.parametrize(
    ("content", "kind", "name", "status", "code"),
    [
        (b"x" * 10_000_000, "text/markdown", "big.md", 413, "too_large"),
        (b"x" * 110_000_000, "application/zip", "big.zip", 413, "too_large"),
        (PNG, "text/markdown", "deck.md", 400, "not_text"),
        (b"\xff\xfe\x00", "application/octet-stream", "deck.md", 400, "not_text"),
        (PNG, "image/png", "a.png", 415, "unsupported_type"),
        (b"%PDF-1.4", "application/pdf", "deck.pdf", 415, "unsupported_type"),
    ],
)
def test_a_file_that_is_no_deck_gets_a_clear_message(
    teacher: Client, content: bytes, kind: str, name: str, status: int, code: str
) -> None:
    answer = teacher.import_(content, kind, name)
    assert answer.status_code == status, answer.text
    assert error_of(answer)["code"] == code
    assert lessons_of(teacher) == []


def test_what_file_managers_add_to_a_zip_is_ignored(teacher: Client) -> None:
    files: dict[str, bytes | str] = {
        "deck/a.md": "# A",
        "__MACOSX/deck/._a.md": b"\x00\x05\x16\x07",
        "deck/.DS_Store": b"\x00",
        "deck/.git/x.md": b"\xff",
    }
    answer = teacher.import_(make_zip(files)).json()
    assert [lesson["title"] for lesson in answer["lessons"]] == ["A"]
    assert answer["warnings"] == []


def test_a_zip_inside_the_zip_is_not_opened_but_named(teacher: Client) -> None:
    inner = make_zip({"../evil.md": "# E"})
    answer = teacher.import_(make_zip({"a.md": "# A", "more.zip": inner})).json()
    assert len(answer["lessons"]) == 1
    assert answer["warnings"][0]["file"] == "more.zip"


def test_a_zip_is_known_by_its_content_whatever_its_type(teacher: Client) -> None:
    content = make_zip({"a.md": "# A"})
    for kind, name in (("text/markdown", "a.md"), ("application/octet-stream", "a.zip"), ("", "")):
        assert teacher.import_(content, kind, name).status_code == 200


@pytest.mark.skipif(
    not (deck_folder() / "shell-novice").is_dir(),
    reason=f"{deck_folder() / 'shell-novice'} is not there (FIRSTBELL_DECKS names its folder)",
)
def test_a_whole_real_course_is_imported_with_all_its_figures(teacher: Client) -> None:
    root = deck_folder() / "shell-novice"
    files: dict[str, bytes | str] = {
        path.relative_to(root.parent).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }
    answer = teacher.import_(make_zip(files))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    titles = {lesson["title"]: lesson for lesson in body["lessons"]}
    assert {"Introducing the Shell", "Pipes and Filters"} <= titles.keys()
    assert not [one for one in body["warnings"] if "figure" in one["message"]]
    text = teacher.get(f"lessons/{titles['Pipes and Filters']['id']}").json()
    assert "/media/" in text["markdown"]
    assert len(text["slides"]) == titles["Pipes and Filters"]["slide_count"]
