"""What people do with their account, over HTTP: new passwords, devices, invitations. Mail really is sent, to a mailbox."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mailbox import Mailbox, Taken
from tests.webapp import authenticator as passkeys
from tests.webapp.authenticator import Authenticator
from tests.webapp.support import (
    PAGE_ORIGIN,
    PASSWORD,
    ROOT,
    Api,
    Client,
    environment,
    error_of,
    manage,
    new_lesson,
    uuid7,
    wait_for,
)

NEW = "a chalk-dust password"


@pytest.fixture(scope="module")
def mailbox(database: str, media_root: Path) -> Iterator[Mailbox]:
    """Where this host's mail goes, with its sender at work."""
    with Mailbox() as found:
        env = environment(database, media_root) | {"FIRSTBELL_MAIL_PROVIDERS": found.url}
        command = [sys.executable, str(ROOT / "webapp/manage.py"), "mail", "send"]
        sender = subprocess.Popen(command, env=env, cwd="/", stderr=subprocess.PIPE)
        yield found
        sender.send_signal(signal.SIGTERM)
        assert sender.wait(20) == 0


def mail_to(mailbox: Mailbox, address: str) -> Taken:
    (found,) = wait_for(lambda: mailbox.to(address), f"a mail to {address}")
    return found


def place(mail: Taken) -> list[str]:
    """The parts of the link's place on the page."""
    found = re.search(r"http://localhost:8000/#/(\S+)", mail.text)
    assert found, mail.text
    return found[1].split("/")


def signed_in(api: Api, username: str, password: str = PASSWORD) -> Client:
    client = Client(api)
    assert client.sign_in(username, password).status_code == 200
    return client


# ---- reset


def reset_link(api: Api, mailbox: Mailbox, name: str) -> dict[str, str]:
    answer = Client(api).put(f"password-resets/{uuid7()}", {"email": f"{name}@school.example"})
    assert answer.status_code == 202
    _, user, token = place(mail_to(mailbox, f"{name}@school.example"))
    return {"user": user, "token": token}


def test_a_forgotten_password_is_set_anew_by_the_mails_link(
    api: Api, mailbox: Mailbox, tess: str
) -> None:
    elsewhere = signed_in(api, tess)
    link = reset_link(api, mailbox, tess)
    done = Client(api).put("password", link | {"password": NEW})
    assert (done.status_code, done.json()) == (200, {"username": tess})
    assert elsewhere.get("lessons").status_code == 401, "all devices are signed out"
    assert Client(api).sign_in(tess).status_code == 403
    signed_in(api, tess, NEW)


def test_who_got_in_before_a_reset_can_not_leave_a_passkey_behind(
    api: Api, mailbox: Mailbox, tess: str
) -> None:
    device = Authenticator(PAGE_ORIGIN)
    assert passkeys.add(signed_in(api, tess), device).status_code == 201
    link = reset_link(api, mailbox, tess)
    weak = Client(api).put("password", link | {"password": "password"})
    assert weak.status_code == 400
    assert passkeys.sign_in(Client(api), device).status_code == 200, "nothing is half done"
    assert Client(api).put("password", link | {"password": NEW}).status_code == 200
    assert error_of(passkeys.sign_in(Client(api), device))["code"] == "unknown_passkey"


def test_a_reset_is_the_way_out_for_who_is_locked_out_of_a_new_device(
    api: Api, mailbox: Mailbox, tess: str
) -> None:
    laptop, child = Client(api), Client(api)
    assert [child.sign_in(tess, f"guess {n}").status_code for n in range(11)][-1] == 429
    assert laptop.sign_in(tess).status_code == 429
    link = reset_link(api, mailbox, tess)
    assert laptop.put("password", link | {"password": NEW}).status_code == 200
    assert laptop.sign_in(tess, NEW).status_code == 200


def test_mails_are_in_the_language_of_who_caused_them(
    api: Api, mailbox: Mailbox, tess: str
) -> None:
    dutch = Client(api)
    dutch.session.headers["Accept-Language"] = "nl"
    email = f"{tess}@school.example"
    assert dutch.put(f"password-resets/{uuid7()}", {"email": email}).status_code == 202
    mail = mail_to(mailbox, email)
    assert mail.message["Subject"] == "Kies een nieuw wachtwoord voor Firstbell"
    assert f"Je gebruikersnaam is {tess}." in mail.text
    assert "binnen 4 uur" in mail.text
    _, user, token = place(mail)
    done = dutch.put("password", {"user": user, "token": token, "password": NEW})
    assert done.status_code == 200, done.text
    assert dutch.sign_in("ada").ok
    guest = f"gast-{tess}@school.example"
    invite(dutch, guest)
    letter = mail_to(mailbox, guest)
    assert "nodigt je uit voor Firstbell Demo School" in str(letter.message["Subject"])
    assert "tot en met" in letter.text
    path, bearer = offer(api, mailbox, guest)
    assert Client(api).get(path, headers=bearer).json()["state"] == "open"


def test_a_reset_may_be_repeated_but_not_with_another_password(
    api: Api, mailbox: Mailbox, tess: str
) -> None:
    body = reset_link(api, mailbox, tess) | {"password": NEW}
    assert [Client(api).put("password", body).status_code for _ in range(2)] == [200, 200]
    again = Client(api).put("password", body | {"password": "another password"})
    assert (again.status_code, error_of(again)["code"]) == (409, "link_used_up")


def test_a_weak_new_password_is_refused_and_the_link_still_holds(
    api: Api, mailbox: Mailbox, tess: str
) -> None:
    link = reset_link(api, mailbox, tess)
    weak = Client(api).put("password", link | {"password": "password"})
    assert (weak.status_code, error_of(weak)["code"]) == (400, "weak_password")
    assert Client(api).put("password", link | {"password": NEW}).status_code == 200


def test_an_address_that_nobody_has_gets_the_same_answer_and_no_mail(
    api: Api, mailbox: Mailbox, tess: str
) -> None:
    nobody = Client(api).put(f"password-resets/{uuid7()}", {"email": "no-such@school.example"})
    somebody = Client(api).put(f"password-resets/{uuid7()}", {"email": f"{tess}@school.example"})
    assert (nobody.status_code, nobody.content) == (somebody.status_code, somebody.content)
    mail_to(mailbox, f"{tess}@school.example")
    assert mailbox.to("no-such@school.example") == []


def test_a_reset_that_is_asked_for_twice_under_one_name_is_one_mail(
    api: Api, mailbox: Mailbox, tess: str
) -> None:
    key, other = uuid7(), f"other-{tess}@school.example"
    for _ in range(3):
        body = {"email": f"{tess}@school.example"}
        assert Client(api).put(f"password-resets/{key}", body).status_code == 202
    # A later letter that is there says that the earlier ones have been seen to.
    ada = signed_in(api, "ada")
    assert ada.put(f"invitations/{uuid7()}", {"email": other}).status_code == 201
    mail_to(mailbox, other)
    assert key in mail_to(mailbox, f"{tess}@school.example").message_id
    assert len(mailbox.to(f"{tess}@school.example")) == 1


def test_a_made_up_link_is_refused_and_guessing_by_it_is_counted(api: Api, tess: str) -> None:
    user = signed_in(api, tess).get("session").json()["user"]["id"]
    child = Client(api)
    child.session.headers["X-Forwarded-For"] = "192.0.2.77"
    codes = [
        child.put("password", {"user": user, "token": "a-b", "password": f"guess {n}"}).status_code
        for n in range(11)
    ]
    assert codes == [409] * 10 + [429]


def test_pages_of_others_may_not_ask_for_mail(api: Api) -> None:
    answer = Client(api).put(
        f"password-resets/{uuid7()}",
        {"email": "a@school.example"},
        headers={"Origin": "https://evil.example"},
    )
    assert (answer.status_code, error_of(answer)["code"]) == (403, "wrong_origin")


# ---- change


def test_a_changed_password_signs_all_other_devices_out_and_not_this_one(
    api: Api, tess: str
) -> None:
    here, elsewhere = signed_in(api, tess), signed_in(api, tess)
    body = {"old": PASSWORD, "new": NEW}
    assert [here.put("session/password", body).status_code for _ in range(2)] == [204, 204]
    assert here.get("lessons").status_code == 200
    assert elsewhere.get("lessons").status_code == 401
    signed_in(api, tess, NEW)


def test_a_wrong_old_password_changes_nothing(api: Api, tess: str) -> None:
    here = signed_in(api, tess)
    answer = here.put("session/password", {"old": "not mine", "new": NEW})
    assert (answer.status_code, error_of(answer)["code"]) == (403, "wrong_password")
    weak = here.put("session/password", {"old": PASSWORD, "new": tess})
    assert (weak.status_code, error_of(weak)["code"]) == (400, "weak_password")
    signed_in(api, tess)


# ---- devices


def devices(client: Client) -> list[dict[str, object]]:
    return list(client.get("sign-ins").json()["results"])


def test_devices_are_listed_with_what_they_are(api: Api, tess: str) -> None:
    phone = Client(api)
    phone.session.headers["User-Agent"] = (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
        " Version/17.0 Mobile/15E148 Safari/604.1"
    )
    phone.sign_in(tess)
    here = signed_in(api, tess)
    found = devices(here)
    assert sorted(str(one["device"]) for one in found) == ["A browser", "Safari on iPhone"]
    assert [one["current"] for one in found if one["device"] == "A browser"] == [True]


def test_a_device_that_is_signed_out_elsewhere_is_nobody_at_once(api: Api, tess: str) -> None:
    lost, here = signed_in(api, tess), signed_in(api, tess)
    lesson = new_lesson(lost)
    role = lost.put(f"teachings/{uuid7()}", {"lesson": lesson["id"]}).json()
    (which,) = [one["id"] for one in devices(here) if not one["current"]]
    assert [here.delete(f"sign-ins/{which}").status_code for _ in range(2)] == [204, 204]
    assert lost.get("lessons").status_code == 401
    assert lost.put(f"lessons/{lesson['id']}", {}).status_code == 401
    shown = f"teachings/{role['id']}/lessons/{lesson['id']}"
    bearer = {"Authorization": f"Bearer {role['token']}"}
    assert Client(api).get(shown, headers=bearer).status_code == 401
    assert [one["current"] for one in devices(here)] == [True]
    assert lost.sign_in(tess).status_code == 200, "who knows the password may sign in again"


def test_all_other_devices_are_signed_out_with_one_press(api: Api, tess: str) -> None:
    others = [signed_in(api, tess) for _ in range(3)]
    here = signed_in(api, tess)
    assert here.delete("sign-ins").status_code == 204
    assert [other.get("lessons").status_code for other in others] == [401] * 3
    assert len(devices(here)) == 1


def test_nobody_signs_out_the_devices_of_others(api: Api, tess: str, stranger: Client) -> None:
    here = signed_in(api, tess)
    which = devices(here)[0]["id"]
    assert stranger.delete(f"sign-ins/{which}").status_code == 404
    assert here.get("lessons").status_code == 200


def test_signing_out_takes_the_device_off_the_list(api: Api, tess: str) -> None:
    gone, here = signed_in(api, tess), signed_in(api, tess)
    gone.delete("session")
    assert len(devices(here)) == 1


# ---- invitations


def invite(client: Client, email: str, key: str = "") -> tuple[str, int]:
    key = key or uuid7()
    return key, client.put(f"invitations/{key}", {"email": email}).status_code


def offer(api: Api, mailbox: Mailbox, email: str) -> tuple[str, dict[str, str]]:
    """Path of the account that the mail offers, and the header that opens it."""
    kind, key, secret = place(mail_to(mailbox, email))
    assert kind == "join"
    return f"invitations/{key}/account", {"Authorization": f"Bearer {secret}"}


def account(username: str, **values: str) -> dict[str, str]:
    known = {"username": username, "first_name": "Nora", "last_name": "Newman", "password": NEW}
    return known | values


@pytest.fixture
def ada(api: Api) -> Client:
    return signed_in(api, "ada")


def test_an_invited_colleague_makes_an_account_of_the_school(
    api: Api, mailbox: Mailbox, ada: Client, tess: str
) -> None:
    email = f"new-{tess}@school.example"
    key, status = invite(ada, email)
    assert (status, invite(ada, email, key)[1]) == (201, 200)
    path, bearer = offer(api, mailbox, email)
    assert "Ada Lovelace invites you to Firstbell Demo School" in str(
        mail_to(mailbox, email).message["Subject"]
    )
    told = Client(api).get(path, headers=bearer).json()
    assert (told["school"], told["email"], told["state"]) == (
        "Firstbell Demo School",
        email,
        "open",
    )
    made = Client(api).put(path, account(f"nora-{tess}"), headers=bearer)
    assert (made.status_code, made.json()) == (201, {"username": f"nora-{tess}"})
    nora = signed_in(api, f"nora-{tess}", NEW).get("session").json()["user"]
    assert (nora["name"], nora["email"], nora["is_school_admin"]) == ("Nora Newman", email, False)
    assert nora["school"]["name"] == "Firstbell Demo School"

    def told() -> bool:
        (row,) = [r for r in ada.get("invitations").json()["results"] if r["email"] == email]
        return (row["state"], row["mail"]) == ("accepted", "sent")

    wait_for(told, "the list tells that the mail was sent and the invitation accepted")


def test_accepting_may_be_repeated_and_makes_one_account(
    api: Api, mailbox: Mailbox, ada: Client, tess: str
) -> None:
    invite(ada, f"twice-{tess}@school.example")
    path, bearer = offer(api, mailbox, f"twice-{tess}@school.example")
    body = account(f"twice-{tess}")
    codes = [Client(api).put(path, body, headers=bearer).status_code for _ in range(2)]
    assert codes == [201, 200]
    other = Client(api).put(path, account(f"thrice-{tess}"), headers=bearer)
    assert (other.status_code, error_of(other)["code"]) == (409, "accepted")


def test_a_withdrawn_or_made_up_invitation_opens_nothing(
    api: Api, mailbox: Mailbox, ada: Client, tess: str
) -> None:
    key, _ = invite(ada, f"never-{tess}@school.example")
    path, bearer = offer(api, mailbox, f"never-{tess}@school.example")
    assert [ada.delete(f"invitations/{key}").status_code for _ in range(2)] == [204, 204]
    refused = Client(api).put(path, account(f"never-{tess}"), headers=bearer)
    assert (refused.status_code, error_of(refused)["code"]) == (409, "withdrawn")
    for headers in ({"Authorization": "Bearer guess"}, {}):
        assert Client(api).get(path, headers=headers).status_code == 404


def test_an_invitation_expires(
    api: Api, mailbox: Mailbox, ada: Client, tess: str, database: str, media_root: Path
) -> None:
    key, _ = invite(ada, f"late-{tess}@school.example")
    path, bearer = offer(api, mailbox, f"late-{tess}@school.example")
    code = (
        "from webapp.accounts.models import *; from django.utils import timezone;"
        f"Invitation.objects.filter(id='{key}').update(expires_at=timezone.now())"
    )
    assert (
        manage(environment(database, media_root), "shell", "--no-imports", "-c", code).returncode
        == 0
    )
    assert Client(api).get(path, headers=bearer).json()["state"] == "expired"
    refused = Client(api).put(path, account(f"late-{tess}"), headers=bearer)
    assert (refused.status_code, error_of(refused)["code"]) == (409, "expired")


def test_a_user_name_that_is_taken_or_odd_is_told_by_field(
    api: Api, mailbox: Mailbox, ada: Client, tess: str
) -> None:
    invite(ada, f"same-{tess}@school.example")
    path, bearer = offer(api, mailbox, f"same-{tess}@school.example")
    taken = Client(api).put(path, account(tess), headers=bearer)
    assert (taken.status_code, error_of(taken)["code"]) == (409, "name_taken")
    assert "username" in error_of(taken)["fields"]
    odd = Client(api).put(path, account("no spaces please"), headers=bearer)
    assert odd.status_code == 400
    assert "username" in error_of(odd)["fields"]
    weak = Client(api).put(path, account(f"x-{tess}", password="12345678"), headers=bearer)
    assert (weak.status_code, error_of(weak)["code"]) == (400, "weak_password")


def test_an_address_makes_one_account_however_it_is_written(
    api: Api, mailbox: Mailbox, ada: Client, tess: str
) -> None:
    address = f"{tess}@SCHOOL.example"  # that of tess
    invite(ada, address)
    path, bearer = offer(api, mailbox, address)
    taken = error_of(Client(api).put(path, account(f"again-{tess}"), headers=bearer))
    assert (taken["code"], address in taken["message"]) == ("email_taken", True)
    assert error_of(Client(api).sign_in(f"again-{tess}", NEW))["code"] == "wrong_credentials"


def test_accounts_that_share_an_address_are_named_before_the_upgrade(
    database: str, media_root: Path, tess: str
) -> None:
    env = environment(database, media_root)

    def shell(code: str) -> None:
        code = f"from webapp.accounts.models import User; {code}"
        done = manage(env, "shell", "--no-imports", "-c", code)
        assert done.returncode == 0, done.stderr

    assert manage(env, "migrate", "accounts", "0003").returncode == 0
    try:
        shell(f"User.objects.create(username='twin-{tess}', email='{tess}@School.example')")
        refused = manage(env, "migrate")
        assert refused.returncode == 1
        assert (
            f"{tess} ({tess}@school.example); twin-{tess} ({tess}@school.example)" in refused.stderr
        )
        assert "Traceback" not in refused.stderr
    finally:
        shell(f"User.objects.filter(username='twin-{tess}').update(email='')")
        assert manage(env, "migrate").returncode == 0


def test_only_a_schools_admin_teacher_invites_and_only_to_her_school(
    api: Api, ada: Client, stranger: Client, tess: str
) -> None:
    for client in (stranger, signed_in(api, tess)):
        answer = client.put(f"invitations/{uuid7()}", {"email": "x@school.example"})
        assert (answer.status_code, error_of(answer)["code"]) == (403, "not_school_admin")
        assert client.get("invitations").status_code == 403
    odd = ada.put(f"invitations/{uuid7()}", {"email": "no address"})
    assert odd.status_code == 400
    assert "email" in error_of(odd)["fields"]
