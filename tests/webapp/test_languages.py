"""Hosts answer in the language of the request; what they keep and compare is in no language.

Mails are in test_account.py, the mesh's refusals and the admin in test_recovery.py.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.webapp.support import (
    PASSWORD,
    ROOT,
    Api,
    Client,
    environment,
    error_of,
    make_zip,
    new_lesson,
    uuid7,
)
from webapp.api.messages import Message

CATALOGUES = sorted((ROOT / "webapp/locale").glob("*/LC_MESSAGES/django.po"))
DUTCH = {"Accept-Language": "nl"}


@pytest.fixture
def dutch(teacher: Client) -> Client:
    """ada, with pages in Dutch."""
    client = Client(teacher.api)
    client.session.cookies.update(teacher.session.cookies)
    client.session.headers.update(DUTCH)
    client.csrf_token = teacher.csrf_token
    return client


# ---- catalogues


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, its catalogues brought to what the code says."""
    folder = tmp_path_factory.mktemp("languages")
    leave = shutil.ignore_patterns("frontend", "__pycache__", "*.mo")
    shutil.copytree(ROOT / "webapp", folder / "webapp", ignore=leave)
    env = environment("postgres://nobody@127.0.0.1:1/none", folder) | {"LC_ALL": "C.UTF-8"}
    command = [sys.executable, "manage.py", "makemessages", "--all"]
    done = subprocess.run(command, cwd=folder / "webapp", env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda path: path.parts[-3])
@pytest.mark.parametrize("wrong", ["--untranslated", "--only-fuzzy", "--only-obsolete"])
def test_a_catalogue_has_all_that_the_code_says_and_nothing_else(
    extracted: Path, catalogue: Path, wrong: str
) -> None:
    command = ["msgattrib", "--no-wrap", wrong, extracted / catalogue.relative_to(ROOT)]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert not found, f"run bin/languages --update, then mend {catalogue}:\n{found}"


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda path: path.parts[-3])
def test_translations_have_the_placeholders_of_their_sentences(catalogue: Path) -> None:
    command = ["msgfmt", "--check-format", "-o", os.devnull, catalogue]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_dutch_is_there() -> None:
    assert "nl" in [path.parts[-3] for path in CATALOGUES]


# ---- messages


def test_a_message_is_its_english_sentence_wherever_it_is_kept_or_compared() -> None:
    why = Message("it is larger than %(limit)s", limit="50 MB")
    message = Message(
        "The figure %(figure)s is left out: %(reason)s.", figure="100%.png", reason=why
    )
    assert message == "The figure 100%.png is left out: it is larger than 50 MB."
    again = Message.of(message.stored())
    assert (again, again.text, again.values) == (message, message.text, message.values)


# ---- answers


@pytest.mark.parametrize(
    ("asked", "language", "words"),
    [
        ("nl", "nl", "Er is niemand aangemeld. Meld je aan en probeer het dan opnieuw."),
        (
            "nl-BE,nl;q=0.9,en;q=0.5",
            "nl",
            "Er is niemand aangemeld. Meld je aan en probeer het dan opnieuw.",
        ),
        ("en", "en", "Nobody is signed in. Sign in, then repeat this request."),
        ("fr", "en", "Nobody is signed in. Sign in, then repeat this request."),
        ("", "en", "Nobody is signed in. Sign in, then repeat this request."),
    ],
)
def test_an_answer_is_in_the_language_that_was_asked_for_or_in_english(
    api: Api, asked: str, language: str, words: str
) -> None:
    answer = requests.get(
        api.url("/api/v1/session"), headers={"Accept-Language": asked}, timeout=10
    )
    assert (error_of(answer)["code"], error_of(answer)["message"]) == ("not_signed_in", words)
    assert answer.headers["Content-Language"] == language
    assert "Accept-Language" in answer.headers["Vary"]


def test_what_is_the_same_in_all_languages_varies_by_none(visitor: Client) -> None:
    for path in ("/static/admin/css/base.css", "/livez", "/readyz"):
        answer = visitor.get(path, headers=DUTCH)
        assert answer.status_code == 200
        assert "Accept-Language" not in answer.headers.get("Vary", ""), path


def test_signing_in_wrongly_is_told_in_dutch_with_the_same_codes(visitor: Client) -> None:
    visitor.session.headers.update(DUTCH)
    wrong = error_of(visitor.sign_in("ada", "wrong"))
    assert wrong["code"] == "wrong_credentials"
    assert wrong["message"] == "Deze gebruikersnaam en dit wachtwoord horen niet bij elkaar."
    empty = error_of(visitor.ask("POST", "session", json={"username": "ada"}))
    assert empty["code"] == "invalid"
    assert empty["fields"] == {"password": ["Dit veld is vereist."]}
    assert empty["message"] == "Niet alles is goed ingevuld: password: Dit veld is vereist."
    for _ in range(11):
        spent = visitor.sign_in("nobody-here", "guess")
    told = error_of(spent)
    assert told["code"] == "too_many_tries"
    assert told["message"] == (
        "Er is te vaak een verkeerd wachtwoord ingevuld. Probeer het over 15 minuten opnieuw."
    )


def test_djangos_own_rules_for_passwords_and_the_list_of_devices_are_in_dutch(
    api: Api, tess: str
) -> None:
    here = Client(api)
    here.session.headers.update(DUTCH | {"User-Agent": "X11; Linux x86_64 Firefox/140.0"})
    assert here.sign_in(tess).ok
    weak = here.put("session/password", {"old": PASSWORD, "new": "password"})
    assert error_of(weak)["code"] == "weak_password"
    assert error_of(weak)["message"] == "Dit wachtwoord is te algemeen."
    wrong = error_of(here.put("session/password", {"old": "x", "new": "a chalk-dust password"}))
    assert wrong["fields"] == {"old": ["Dit is niet je huidige wachtwoord."]}
    assert here.get("sign-ins").json()["results"][0]["device"] == "Firefox op Linux"
    english = here.get("sign-ins", headers={"Accept-Language": "en"}).json()
    assert english["results"][0]["device"] == "Firefox on Linux"


def test_refused_saves_and_lessons_that_are_not_there_are_told_in_dutch(dutch: Client) -> None:
    lesson = new_lesson(dutch)
    body = {"title": "Les", "markdown": "# Les\n", "version": uuid7(), "base_version": uuid7()}
    conflict = dutch.put(f"lessons/{lesson['id']}", body)
    assert (conflict.status_code, error_of(conflict)["code"]) == (412, "version_conflict")
    assert error_of(conflict)["message"] == (
        "Deze les is intussen ergens anders opgeslagen. Er is niets gewijzigd."
    )
    absent = error_of(dutch.get(f"lessons/{uuid7()}"))
    assert absent["message"] == "Er is voor jou geen les op dit adres."
    assert error_of(dutch.get("nothing"))["message"] == "Op dit adres is niets te vinden."
    bad = error_of(dutch.get("lessons/1"))
    assert bad["message"] == (
        "id moet een UUID van versie 7 of 5 in kleine letters zijn, maar is '1'."
    )


def test_warnings_of_a_remembered_lesson_follow_the_language_of_who_reads_it(
    teacher: Client, dutch: Client
) -> None:
    markdown = f"# {uuid7()}\n\n![](none.png)\n"
    lesson = new_lesson(dutch, markdown)
    assert lesson["warnings"] == [{"slide": 1, "message": "Het bestand none.png ontbreekt."}]
    read = teacher.get(f"lessons/{lesson['id']}").json()
    assert read["warnings"] == [{"slide": 1, "message": "The figure none.png is missing."}]


def test_an_import_that_is_repeated_in_another_language_is_told_in_that_one(
    teacher: Client, dutch: Client
) -> None:
    key = uuid7()
    deck = make_zip({"deck.md": "# A\n\n![](a.svg)\n", "a.svg": "<html/>", "b.zip": "PK"})
    told = [one["message"] for one in dutch.import_(deck, key=key).json()["warnings"]]
    assert told == [
        "Een zip in de zip wordt niet geopend.",
        "Het bestand a.svg is weggelaten: het is XML, maar geen SVG.",
    ]
    again = [one["message"] for one in teacher.import_(deck, key=key).json()["warnings"]]
    assert again == [
        "A zip inside the zip is not opened.",
        "The figure a.svg is left out: it is XML but not an SVG figure.",
    ]
    refused = error_of(dutch.import_(make_zip({"deck.md": "a\x00b"})))
    assert refused["message"] == "deck.md bevat stuurtekens (regel 1) en is dus geen tekst."


def test_figures_and_boards_are_refused_in_dutch(dutch: Client, visitor: Client) -> None:
    name = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    refused = error_of(dutch.ask("PUT", f"media/{name}.png", data=b"hello"))
    assert refused["code"] == "unsupported_type"
    assert refused["message"].startswith(
        "Dit bestand wordt niet bewaard: deze soort is hier niet bekend"
    )
    bearer = DUTCH | {"Authorization": "Bearer nonsense"}
    board = error_of(visitor.get("board/rooms", headers=bearer))
    assert board["message"].startswith("Dit bord is hier niet meer bekend.")
    paths = (f"teachings/{uuid7()}/lessons/{uuid7()}", f"teachings/{uuid7()}")
    told = [
        error_of(c.get(p, headers=bearer)) for c, p in zip((visitor, dutch), paths, strict=True)
    ]
    assert [one["message"] for one in told] == [
        "Dit is geen geldig roltoken.",
        "Er is voor jou geen lesuur op dit adres.",
    ]
