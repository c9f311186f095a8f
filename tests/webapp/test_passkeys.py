"""Signing in by passkey: what is taken, and what a liar may send."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.webapp.authenticator import PRESENT, VERIFIED, Authenticator, add, sign_in
from tests.webapp.support import PAGE_ORIGIN, PASSWORD, Api, Client, error_of


@pytest.fixture
def owner(api: Api, tess: str) -> Client:
    client = Client(api)
    assert client.sign_in(tess).status_code == 200
    return client


def test_a_passkey_is_added_signs_in_without_a_name_and_is_removed(
    owner: Client, visitor: Client, tess: str
) -> None:
    device = Authenticator(PAGE_ORIGIN)
    added = add(owner, device)
    assert added.status_code == 201, added.text
    answer = sign_in(visitor, device)
    assert answer.status_code == 200, answer.text
    assert answer.json()["user"]["username"] == tess
    assert visitor.get("session").json()["user"]["username"] == tess
    assert len(visitor.get("sign-ins").json()["results"]) == 2
    [listed] = owner.get("passkeys").json()["results"]
    assert listed["id"] == added.json()["id"]
    assert listed["seen_at"] is not None
    assert listed["device"] == "A browser"
    [dutch] = owner.ask("GET", "passkeys", headers={"Accept-Language": "nl"}).json()["results"]
    assert dutch["device"] == "Een browser"
    visitor.delete("session")
    assert owner.delete(f"passkeys/{listed['id']}").status_code == 204
    gone = sign_in(visitor, device)
    assert gone.status_code == 403
    assert error_of(gone)["code"] == "unknown_passkey"
    assert owner.delete(f"passkeys/{listed['id']}").status_code == 404


def test_adding_asks_for_the_password_and_may_be_repeated(owner: Client) -> None:
    refused = owner.ask("POST", "passkeys/options", json={"password": "a guess"})
    assert refused.status_code == 403
    assert error_of(refused)["code"] == "wrong_password"
    device = Authenticator(PAGE_ORIGIN)
    first, second = add(owner, device), add(owner, device)
    assert first.json()["id"] == second.json()["id"]
    assert len(owner.get("passkeys").json()["results"]) == 1


def test_nobody_elses_passkey_can_be_taken_over_or_removed(
    owner: Client, stranger: Client, visitor: Client
) -> None:
    device = Authenticator(PAGE_ORIGIN)
    mine = add(owner, device).json()["id"]
    # Somebody else's device claims the same id, with another key.
    liar = add(stranger, Authenticator(PAGE_ORIGIN, id=device.id))
    assert liar.status_code == 409
    assert stranger.get("passkeys").json()["results"] == []
    assert stranger.delete(f"passkeys/{mine}").status_code == 404
    assert sign_in(visitor, device).status_code == 200


def other_challenge(body: dict) -> None:
    body["state"] = body["state"][:-2] + "xx"


def other_bytes(body: dict) -> None:
    body["credential"]["response"]["authenticatorData"] = "AAAA"


def other_shape(body: dict) -> None:
    body["credential"] = {"rawId": ["x"], "response": None}


@pytest.mark.parametrize("change", [other_challenge, other_bytes, other_shape])
def test_what_was_tampered_with_is_refused(
    owner: Client, visitor: Client, change: Callable[[dict], None]
) -> None:
    device = Authenticator(PAGE_ORIGIN)
    add(owner, device)
    answer = sign_in(visitor, device, change)
    assert answer.status_code == 400, answer.text
    assert error_of(answer)["code"] in ("old_challenge", "bad_passkey")
    assert visitor.get("session").status_code == 401


@pytest.mark.parametrize(
    "lie",
    [
        {"origin": "http://localhost:6666"},  # a page that somebody was lured to
        {"origin": "https://firstbell.example"},
        {"flags": PRESENT},  # anybody who holds the laptop
        {"flags": VERIFIED},
        {"key": Authenticator(PAGE_ORIGIN).key},  # signed by another key
    ],
)
def test_an_answer_that_was_not_given_here_by_the_owner_is_refused(
    owner: Client, visitor: Client, lie: dict[str, Any]
) -> None:
    device = Authenticator(PAGE_ORIGIN)
    add(owner, device)
    answer = sign_in(visitor, Authenticator(**{**vars(device), **lie}))
    assert answer.status_code == 400, answer.text
    assert error_of(answer)["code"] == "bad_passkey"
    assert visitor.get("session").status_code == 401


def test_a_challenge_to_sign_in_adds_no_passkey_and_that_of_another_neither(
    owner: Client, stranger: Client, visitor: Client
) -> None:
    device = Authenticator(PAGE_ORIGIN)
    anonymous = visitor.ask("POST", "session/passkey/options", json={}).json()
    another = stranger.ask("POST", "passkeys/options", json={"password": PASSWORD}).json()
    for options in (anonymous, another):
        body = {"state": options["state"], "credential": device.create(options)}
        answer = owner.ask("POST", "passkeys", json=body)
        assert answer.status_code == 400
        assert error_of(answer)["code"] == "old_challenge"
    assert owner.get("passkeys").json()["results"] == []
