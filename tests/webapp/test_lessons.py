"""webapp/lessons: saves, conflicts, deletes; ids that clients make."""

import threading
import uuid
from typing import Any

import pytest

from tests.webapp.support import Client, error_of, new_lesson, uuid7


def body(base: str | None, markdown: str = "# One\n", **values: Any) -> dict[str, Any]:
    return {
        "title": "A lesson",
        "markdown": markdown,
        "version": uuid7(),
        "base_version": base,
    } | values


def test_a_new_lesson_is_listed_and_read_with_its_slides(teacher: Client) -> None:
    lesson = new_lesson(teacher, "# One\n\ntext\n\n---\n\n## Two\n\nNote: say hello\n", "Greetings")
    read = teacher.get(f"lessons/{lesson['id']}").json()
    assert read == lesson
    assert [slide["title"] for slide in read["slides"]] == ["One", "Two"]
    assert read["slides"][1]["notes"] == "say hello"
    assert read["warnings"] == []
    row = teacher.get("lessons").json()["results"][0]
    assert row == {
        "id": lesson["id"],
        "title": "Greetings",
        "slide_count": 2,
        "version": lesson["version"],
        "updated_at": lesson["updated_at"],
        "shared": False,
    }


def test_the_newest_lesson_is_listed_first(teacher: Client) -> None:
    first, second = new_lesson(teacher, title="first"), new_lesson(teacher, title="second")
    titles = [row["title"] for row in teacher.get("lessons").json()["results"]]
    assert titles == ["second", "first"]
    teacher.put(f"lessons/{first['id']}", body(first["version"], title="first again"))
    titles = [row["title"] for row in teacher.get("lessons").json()["results"]]
    assert titles == ["first again", "second"]
    assert second["title"] == "second"


def test_repeating_a_save_changes_nothing(teacher: Client) -> None:
    key, save = uuid7(), body(None)
    assert teacher.put(f"lessons/{key}", save).status_code == 201
    once = teacher.get(f"lessons/{key}").json()
    repeated = teacher.put(f"lessons/{key}", save)
    assert repeated.status_code == 200
    assert repeated.json() == once
    edit = body(save["version"], "# Two\n")
    assert teacher.put(f"lessons/{key}", edit).status_code == 200
    twice = teacher.get(f"lessons/{key}").json()
    assert teacher.put(f"lessons/{key}", edit).status_code == 200
    assert teacher.get(f"lessons/{key}").json() == twice


def test_the_second_of_two_laptops_is_told_and_overwrites_nothing(teacher: Client) -> None:
    lesson = new_lesson(teacher)
    path = f"lessons/{lesson['id']}"
    assert teacher.put(path, body(lesson["version"], "# First laptop")).status_code == 200
    answer = teacher.put(path, body(lesson["version"], "# Second laptop"))
    assert answer.status_code == 412
    error = error_of(answer)
    assert error["code"] == "version_conflict"
    assert error["current"]["markdown"] == "# First laptop"
    assert error["current"]["slides"][0]["title"] == "First laptop"
    assert teacher.get(path).json()["markdown"] == "# First laptop"
    # With the version it was told, the second laptop can save after all.
    merged = body(error["current"]["version"], "# Both")
    assert teacher.put(path, merged).status_code == 200


@pytest.mark.parametrize("turn", range(5))
def test_of_many_saves_at_the_same_moment_exactly_one_wins(teacher: Client, turn: int) -> None:
    lesson = new_lesson(teacher)
    path = f"lessons/{lesson['id']}"
    saves = [body(lesson["version"], f"# Laptop {n}") for n in range(8)]
    together = threading.Barrier(len(saves))
    answers: list[tuple[int, dict[str, Any]]] = []

    def save(one: dict[str, Any]) -> None:
        client = Client(teacher.api)
        client.session.cookies.update(teacher.session.cookies)
        client.csrf_token = teacher.csrf_token
        together.wait()
        answers.append((client.put(path, one).status_code, one))

    threads = [threading.Thread(target=save, args=(one,)) for one in saves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [one for status, one in answers if status == 200]
    assert len(winners) == 1
    assert sorted({status for status, _ in answers}) == [200, 412]
    assert teacher.get(path).json()["markdown"] == winners[0]["markdown"]


def test_creating_a_lesson_that_is_there_is_a_conflict(teacher: Client) -> None:
    lesson = new_lesson(teacher)
    answer = teacher.put(f"lessons/{lesson['id']}", body(None, "# Other"))
    assert answer.status_code == 412
    assert error_of(answer)["current"]["version"] == lesson["version"]


def test_a_deleted_lesson_is_not_brought_back_by_a_late_save(teacher: Client) -> None:
    lesson = new_lesson(teacher)
    path = f"lessons/{lesson['id']}"
    assert teacher.delete(path).status_code == 204
    assert teacher.delete(path).status_code == 204
    assert teacher.get(path).status_code == 404
    answer = teacher.put(path, body(lesson["version"], "# Late"))
    assert answer.status_code == 412
    assert error_of(answer)["current"] is None
    assert teacher.get(path).status_code == 404
    assert teacher.put(path, body(None, "# Anew")).status_code == 201


@pytest.mark.parametrize(
    "bad",
    [
        "not-a-uuid",
        str(uuid.uuid4()),
        uuid7().upper(),
        "{" + uuid7() + "}",
    ],
)
def test_ids_that_are_not_lower_case_uuid7_are_refused_with_a_clear_error(
    teacher: Client, bad: str
) -> None:
    answers = [
        teacher.put(f"lessons/{bad}", body(None)),
        teacher.put(f"lessons/{uuid7()}", body(None, version=bad)),
        teacher.put(f"lessons/{uuid7()}", body(bad)),
        teacher.import_(b"# Hello", "text/markdown", key=bad),
        teacher.put(f"teachings/{bad}", {"lesson": uuid7()}),
    ]
    for answer in answers:
        error = error_of(answer)
        assert answer.status_code == 400, answer.text
        assert error["code"] in ("bad_id", "invalid")
    assert "version 7" in error_of(answers[0])["message"]


def test_a_lesson_of_ten_megabytes_is_refused_and_names_the_limit(teacher: Client) -> None:
    lesson = new_lesson(teacher)
    for size in (1_200_000, 10_000_000):
        answer = teacher.put(f"lessons/{lesson['id']}", body(lesson["version"], "x" * size))
        assert answer.status_code == 413
        assert error_of(answer)["code"] == "too_large"
    assert teacher.get(f"lessons/{lesson['id']}").json()["markdown"] == "# One\n"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"markdown": "a\x00b"}, "markdown"),
        ({"markdown": None}, "markdown"),
        ({"version": None}, "version"),
    ],
)
def test_fields_that_cannot_be_used_are_named(
    teacher: Client, values: dict[str, Any], field: str
) -> None:
    answer = teacher.put(f"lessons/{uuid7()}", body(None, **values))
    assert answer.status_code == 400
    assert field in error_of(answer)["fields"]


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{", b'{"title": "\\ud800"}', b"[" * 100_000, b"\xff"]
)
def test_bodies_that_are_no_json_object_get_a_clear_answer(teacher: Client, raw: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = teacher.ask("PUT", f"lessons/{uuid7()}", data=raw, headers=headers)
    assert answer.status_code == 400
    assert error_of(answer)["code"] in ("bad_json", "invalid")


def test_missing_figures_and_broken_links_are_warnings_with_their_slide(teacher: Client) -> None:
    text = "# One\n\n---\n\n![](fig/none.png)\n\n[more](other.md) [fine](https://example.org)\n"
    warnings = new_lesson(teacher, text)["warnings"]
    assert [one["slide"] for one in warnings] == [2, 2]
    assert "fig/none.png" in warnings[0]["message"]
    assert "other.md" in warnings[1]["message"]
