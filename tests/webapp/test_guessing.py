"""webapp/accounts/guessing.py: wrong passwords are counted, and nobody can lock another's own devices out."""

from pathlib import Path

import requests

from tests.webapp.support import Api, Client, environment, error_of, manage, uuid7


def from_address(api: Api, address: str) -> Client:
    """Somebody whom nginx saw at this address."""
    client = Client(api)
    client.session.headers["X-Forwarded-For"] = address
    return client


def guess(client: Client, username: str, times: int) -> list[int]:
    return [client.sign_in(username, f"guess {n}").status_code for n in range(times)]


def spend(budget: str, times: int, database: str, media_root: Path) -> None:
    """As if so many guesses had been made; each real one costs a quarter of a second on purpose."""
    code = (
        "from webapp.accounts.budgets import Budget; from webapp.accounts.guessing import *;"
        f"b = Budget({budget});" + "b.spend();" * times
    )
    done = manage(environment(database, media_root), "shell", "--no-imports", "-c", code)
    assert done.returncode == 0, done.stderr


def test_after_ten_wrong_passwords_nothing_is_looked_at_and_the_wait_is_told(
    api: Api, tess: str
) -> None:
    child = from_address(api, "192.0.2.1")
    assert guess(child, tess, 10) == [403] * 10
    answer = child.sign_in(tess)
    assert answer.status_code == 429, "not even the right one"
    told = error_of(answer)
    assert told["code"] == "too_many_tries"
    assert 800 < told["retry_after_seconds"] <= 900
    assert "Try again in 15 minutes." in told["message"]
    ways = [tess.upper(), f"{tess} "]
    assert [guess(child, name, 1) for name in ways] == [[429], [429]], "however it is written"


def test_a_child_cannot_lock_the_teachers_own_laptop_out(api: Api, tess: str) -> None:
    laptop = from_address(api, "192.0.2.3")
    assert laptop.sign_in(tess).status_code == 200
    assert laptop.delete("session").status_code == 204
    child = from_address(api, "192.0.2.3")
    assert guess(child, tess, 11)[-1] == 429
    assert from_address(api, "192.0.2.3").sign_in(tess).status_code == 429, "a new device waits"
    assert laptop.sign_in(tess).status_code == 200


def test_a_known_device_has_a_budget_too_and_is_known_for_its_own_people_only(
    api: Api, tess: str
) -> None:
    laptop = from_address(api, "192.0.2.4")
    assert laptop.sign_in(tess).status_code == 200
    assert guess(laptop, tess, 9) == [403] * 9
    assert laptop.sign_in(tess).status_code == 200, "which forgets the slips"
    assert guess(laptop, tess, 11) == [403] * 10 + [429]
    assert guess(laptop, "somebody-else", 1) == [403]


def test_many_addresses_together_have_one_budget_for_a_name(
    api: Api, tess: str, database: str, media_root: Path
) -> None:
    spend(f"'name.' + name_key('{tess}'), *PER_NAME", 19, database, media_root)
    codes = [guess(from_address(api, f"198.51.100.{n}"), tess, 1)[0] for n in range(3)]
    assert codes == [403, 429, 429]


def test_one_address_has_a_budget_for_all_names_and_one_ipv6_network_is_one_address(
    api: Api, database: str, media_root: Path
) -> None:
    spend("'address.2001:db8::', *PER_ADDRESS", 99, database, media_root)
    codes = [guess(from_address(api, f"2001:db8::{n}"), f"pupil-{n}", 1)[0] for n in (1, 2)]
    assert codes == [403, 429]
    assert guess(from_address(api, "2001:db8:0:1::1"), "pupil-1", 1) == [403]


def test_the_admin_page_counts_the_same_guesses(
    api: Api, tess: str, database: str, media_root: Path
) -> None:
    child = from_address(api, "192.0.2.7")
    child.session.headers["Referer"] = api.url("/")
    page = child.session.get(api.url("/admin/login/"), timeout=10)
    token = page.text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    form = {"username": tess, "password": "a guess", "csrfmiddlewaretoken": token}
    spend(
        f"'name-address.' + name_key('{tess}') + '.192.0.2.7', *PER_NAME_AND_ADDRESS",
        9,
        database,
        media_root,
    )
    assert child.session.post(api.url("/admin/login/"), form, timeout=10).status_code == 200
    assert child.sign_in(tess).status_code == 429


def test_a_device_cookie_that_was_tampered_with_is_a_strangers_and_none_opens_anything(
    api: Api, tess: str
) -> None:
    laptop = from_address(api, "192.0.2.8")
    answer = laptop.sign_in(tess)
    cookie = next(h for h in answer.raw.headers.getlist("Set-Cookie") if "_device=" in h)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    value = laptop.session.cookies["firstbell_session_device"]
    alone = requests.get(
        api.url("/api/v1/session"), cookies={"firstbell_session_device": value}, timeout=10
    )
    assert alone.status_code == 401
    child = from_address(api, "192.0.2.8")
    guess(child, tess, 10)
    child.session.cookies.set("firstbell_session_device", value[:-1] + "x")
    assert child.sign_in(tess).status_code == 429


def test_asking_for_a_new_password_has_a_budget_that_says_nothing_of_who_is_there(
    api: Api, tess: str
) -> None:
    for email in (f"{tess}@school.example", f"no-{tess}@school.example"):
        asker = from_address(api, "192.0.2.10")
        codes = [
            asker.put(f"password-resets/{uuid7()}", {"email": email}).status_code for _ in range(5)
        ]
        assert codes == [202] * 4 + [429]
