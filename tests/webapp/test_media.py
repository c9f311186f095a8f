"""webapp/media: figures by the hash of their content."""

import hashlib
import threading
from pathlib import Path

import pytest

from tests.webapp.support import Client, error_of, uuid7
from webapp.media import store

PNG = b"\x89PNG\r\n\x1a\n" + b"one figure"


def named(content: bytes, extension: str = "png") -> str:
    return f"media/{hashlib.sha256(content).hexdigest()}.{extension}"


def send(client: Client, content: bytes, path: str) -> "tuple[int, dict[str, str]]":
    answer = client.ask("PUT", path, data=content, headers={"Content-Type": "image/png"})
    return answer.status_code, answer.json()


def test_a_figure_is_stored_under_its_hash_and_repeating_is_harmless(
    teacher: Client, media_root: Path
) -> None:
    content = PNG + uuid7().encode()
    status, body = send(teacher, content, named(content))
    assert status == 201
    sha256 = hashlib.sha256(content).hexdigest()
    assert body == {"url": f"/media/{sha256[:2]}/{sha256}.png"}
    file = media_root / sha256[:2] / f"{sha256}.png"
    assert file.read_bytes() == content
    assert file.stat().st_mode & 0o777 == 0o644
    assert send(teacher, content, named(content)) == (200, body)


def test_content_that_does_not_fit_its_hash_is_refused(teacher: Client) -> None:
    answer = teacher.ask("PUT", named(PNG), data=PNG + b"!")
    assert answer.status_code == 400
    assert error_of(answer)["code"] == "hash_mismatch"


@pytest.mark.parametrize(
    ("content", "extension", "code"),
    [
        (b"hello", "png", "unsupported_type"),
        (b"hello", "exe", "unsupported_type"),
        (PNG, "svg", "wrong_extension"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "svg", "unsafe_svg"),
        (b"\x00\x00\x00\x18ftypheic", "jpg", "unsupported_type"),
        (b"\x00\x00\x00\x14ftypqt  ", "mp4", "unsupported_type"),
        (b"\x1aE\xdf\xa3\x9fB\x82\x88matroska", "webm", "unsupported_type"),
    ],
)
def test_only_figures_of_the_named_kind_are_stored(
    teacher: Client, content: bytes, extension: str, code: str
) -> None:
    answer = teacher.ask("PUT", named(content, extension), data=content)
    assert answer.status_code == 415
    assert error_of(answer)["code"] == code


def test_a_name_that_is_no_hash_is_refused(teacher: Client) -> None:
    for name in ("x.png", named(PNG)[6:].upper(), "..%2f..%2fetc.png"):
        answer = teacher.ask("PUT", f"media/{name}", data=PNG)
        assert answer.status_code in (400, 404, 415)
    assert teacher.ask("PUT", "media/x.png", data=PNG).status_code == 400


def test_a_figure_that_is_too_large_is_refused(teacher: Client) -> None:
    content = PNG + b"x" * store.MEDIA_LIMIT_BYTES
    answer = teacher.ask("PUT", named(content), data=content)
    assert answer.status_code == 413
    assert error_of(answer)["code"] == "too_large"


def test_nobody_stores_figures_without_signing_in(visitor: Client) -> None:
    assert visitor.ask("PUT", named(PNG), data=PNG).status_code == 401


def test_a_reader_never_sees_half_a_figure(tmp_path: Path) -> None:
    content = PNG + b"x" * 3_000_000
    target = tmp_path / hashlib.sha256(content).hexdigest()[:2]
    sizes: set[int] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            sizes.update(file.stat().st_size for file in target.glob("[0-9a-f]*"))

    reader = threading.Thread(target=read)
    reader.start()
    stored = [store.put(tmp_path, content)]
    writers = [
        threading.Thread(target=lambda: stored.append(store.put(tmp_path, content)))
        for _ in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    done.set()
    reader.join()
    assert sizes <= {len(content)}
    assert [file.name for file in target.iterdir()] == [stored[0].name]


def test_a_crash_while_writing_leaves_no_figure_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("os.rename", fail)
        with pytest.raises(OSError, match="disk full"):
            store.put(tmp_path, PNG)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert store.put(tmp_path, PNG).created


def test_a_figure_cut_short_by_a_bad_disk_is_written_again(tmp_path: Path) -> None:
    stored = store.put(tmp_path, PNG)
    file = tmp_path / stored.sha256[:2] / stored.name
    file.write_bytes(PNG[:9])
    assert store.put(tmp_path, PNG).created
    assert file.read_bytes() == PNG


@pytest.mark.parametrize(
    ("content", "extension"),
    [
        (PNG, "png"),
        (b"\xff\xd8\xff\xe0rest", "jpg"),
        (b"GIF89a", "gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "webp"),
        (b"\x00\x00\x00\x1cftypavif", "avif"),
        (b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00", "mp4"),
        (b"\x00\x00\x00\x20ftypM4A \x00\x00\x02\x00", "m4a"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "webm"),
        (b"ID3\x04\x00", "mp3"),
        (b"\xff\xfb\x90\x64", "mp3"),
        (b"OggS\x00\x02", "ogg"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "wav"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg'><a href='https://example.org'/>"
            b"<foreignObject><p xmlns='http://www.w3.org/1999/xhtml'>label</p></foreignObject></svg>",
            "svg",
        ),
    ],
)
def test_figures_are_told_by_their_content(tmp_path: Path, content: bytes, extension: str) -> None:
    assert store.put(tmp_path, content).extension == extension
