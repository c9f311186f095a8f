"""webapp/lessons/sharing: colleagues read and copy what is shared with the school; nobody else learns of it."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.webapp.support import Api, Client, error_of, new_lesson, uuid7


@pytest.fixture
def colleague(api: Api, tess: str) -> Client:
    """Teaches at ada's school."""
    client = Client(api)
    assert client.sign_in(tess).status_code == 200
    return client


def shared(client: Client) -> list[Any]:
    return [row["id"] for row in client.get("school/lessons").json()["results"]]


def share(client: Client, lesson: dict[str, Any]) -> None:
    answer = client.put(f"lessons/{lesson['id']}/sharing")
    assert (answer.status_code, answer.json()) == (200, {"shared": True})


def test_a_shared_lesson_is_listed_read_and_exported_by_colleagues(
    teacher: Client, colleague: Client
) -> None:
    lesson = new_lesson(teacher, "# Tides\n\nNote: ask who\n", "Tides")
    share(teacher, lesson)
    share(teacher, lesson)
    (row,) = [
        r for r in colleague.get("school/lessons").json()["results"] if r["id"] == lesson["id"]
    ]
    assert (row["title"], row["author"], row["slide_count"]) == ("Tides", "Ada Lovelace", 1)
    read = colleague.get(f"lessons/{lesson['id']}").json()
    assert (read["mine"], read["author"], read["shared"]) == (False, "Ada Lovelace", True)
    assert read["markdown"] == lesson["markdown"]
    assert colleague.get(f"lessons/{lesson['id']}/archive").status_code == 200
    assert lesson["id"] not in shared(teacher), "her own lessons are in her own list"
    assert teacher.get("lessons").json()["results"][0]["shared"] is True


@pytest.mark.parametrize(
    "ask",
    [
        lambda client, path: client.get(path),
        lambda client, path: client.get(f"{path}/archive"),
        lambda client, path: client.put(f"{path}/sharing"),
        lambda client, path: client.delete(f"{path}/sharing"),
        lambda client, path: client.delete(path),
        lambda client, path: client.put(
            path, {"title": "x", "markdown": "x", "version": uuid7(), "base_version": uuid7()}
        ),
    ],
)
def test_who_is_of_another_school_learns_nothing_of_it(
    teacher: Client, stranger: Client, ask: Callable[[Client, str], Any]
) -> None:
    lesson = new_lesson(teacher)
    share(teacher, lesson)
    assert lesson["id"] not in shared(stranger)
    answer, never = (ask(stranger, f"lessons/{one}") for one in (lesson["id"], uuid7()))
    if answer.request.method == "PUT" and not answer.url.endswith("sharing"):
        assert answer.status_code == 404  # a new id could be made: only a lesson's own tells
    elif answer.request.method == "DELETE" and never.status_code == 204:
        assert answer.status_code == 404
    else:
        assert (answer.status_code, answer.json()) == (404, never.json())
    assert teacher.get(f"lessons/{lesson['id']}").json() == lesson | {"shared": True}


def test_a_colleague_can_neither_change_nor_delete_nor_share_it_but_copies_it(
    teacher: Client, colleague: Client
) -> None:
    lesson = new_lesson(teacher, "# Mine\n")
    share(teacher, lesson)
    path = f"lessons/{lesson['id']}"
    save = {"title": "x", "markdown": "x", "version": uuid7(), "base_version": lesson["version"]}
    answer = colleague.put(path, save)
    assert answer.status_code == 403
    assert error_of(answer)["code"] == "not_the_author"
    assert "copy" in error_of(answer)["message"]
    assert colleague.delete(path).status_code == 404
    assert colleague.put(f"{path}/sharing").status_code == 404
    assert colleague.delete(f"{path}/sharing").status_code == 404
    teaching = colleague.put(f"teachings/{uuid7()}", {"lesson": lesson["id"]})
    assert teaching.status_code == 404, "to teach it, she makes a copy of her own"
    assert teacher.get(path).json()["markdown"] == "# Mine\n"
    copy = new_lesson(colleague, colleague.get(path).json()["markdown"], "Copy")
    assert copy["mine"] is True
    assert teacher.get(f"lessons/{copy['id']}").status_code == 404


def test_an_unshared_lesson_is_gone_for_colleagues_and_so_is_one_never_shared(
    teacher: Client, colleague: Client
) -> None:
    lesson, other = new_lesson(teacher), new_lesson(teacher)
    share(teacher, lesson)
    for _ in range(2):
        assert teacher.delete(f"lessons/{lesson['id']}/sharing").status_code == 204
    for one in (lesson, other):
        assert one["id"] not in shared(colleague)
        assert colleague.get(f"lessons/{one['id']}").status_code == 404


def test_sharing_changes_no_version_and_a_shared_lesson_can_be_deleted(
    teacher: Client, colleague: Client
) -> None:
    lesson = new_lesson(teacher)
    share(teacher, lesson)
    save = {"title": "T", "markdown": "# N", "version": uuid7(), "base_version": lesson["version"]}
    assert teacher.put(f"lessons/{lesson['id']}", save).json()["shared"] is True
    assert teacher.delete(f"lessons/{lesson['id']}").status_code == 204
    assert lesson["id"] not in shared(colleague)


def test_an_author_who_leaves_the_school_takes_the_lesson_along(
    api: Api, colleague: Client, tess: str, teacher: Client
) -> None:
    from tests.webapp.support import manage

    lesson = new_lesson(colleague)
    share(colleague, lesson)
    assert lesson["id"] in shared(teacher)
    code = (
        "from webapp.accounts.models import *;"
        f"User.objects.filter(username={tess!r}).update(school=School.objects.get(name='Harbour School'))"
    )
    assert manage(api.env, "shell", "--no-imports", "-c", code).returncode == 0
    assert lesson["id"] not in shared(teacher)
    stranger = Client(api)
    assert stranger.sign_in("grace").status_code == 200
    assert lesson["id"] not in shared(stranger), (
        "it was shared with the old school, not with this one"
    )
    share(colleague, lesson)
    assert lesson["id"] in shared(stranger)
    assert lesson["id"] not in shared(teacher)


def test_nobody_without_a_session_asks_for_any_of_it(visitor: Client) -> None:
    key = uuid7()
    assert visitor.get("school/lessons").status_code == 401
    assert visitor.put(f"lessons/{key}/sharing").status_code == 401
    assert visitor.get(f"lessons/{key}/archive").status_code == 401
