"""The account pages in real Chromium, on the laptop cluster: mails are read from where it puts them."""

import email
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster import credentials, health
from cluster.local.laptop import Laptop
from tests.browser.conftest import Account
from tests.browser.screens import Screen, Screens, Teacher, expect
from tests.browser.test_pages import expect_keys_reach_everything
from tests.browser.test_pages import look as look
from tests.webapp.support import wait_for

pytestmark = pytest.mark.timeout(200)

NEW = "an even dustier password"


@pytest.fixture
def another(accounts: Iterator[Account]) -> Account:
    return next(accounts)


def link(laptop: Laptop, address: str) -> str:
    """The link of the newest mail to an address."""

    def newest() -> Path | None:
        found = laptop.state.mail.glob(f"* {address}.eml")
        return max(found, key=lambda path: path.stat().st_mtime, default=None)

    path = wait_for(newest, f"a mail to {address}")
    text = email.message_from_bytes(path.read_bytes()).get_payload(decode=True)
    assert isinstance(text, bytes)
    found = re.search(r"http\S+/#/\S+", text.decode())
    assert found
    return found[0]


def open_link(screen: Screen, address: str) -> None:
    screen.asked_loads += 1
    screen.page.goto("about:blank")
    screen.asked_loads += 1
    screen.page.goto(address)


def no_trouble(*screens: Screen) -> None:
    for screen in screens:
        assert screen.exceptions == []


def test_a_forgotten_password_is_replaced_through_the_mail(
    laptop: Laptop, screens: Screens, account: Account, look: Callable[[Screen, str], None]
) -> None:
    teacher = screens.teacher()
    teacher.by("forgot").click()
    expect(teacher.by("forgot-email")).to_be_visible()
    look(teacher, "40-forgot")
    expect_keys_reach_everything(teacher)
    address = f"{account.username}@school.example"
    teacher.by("forgot-email").fill(address)
    teacher.by("forgot-submit").click()
    expect(teacher.by("forgot-done")).to_contain_text(address)
    look(teacher, "41-forgot-done")
    open_link(teacher, link(laptop, address))
    expect(teacher.by("reset-password")).to_be_visible()
    look(teacher, "42-reset")
    teacher.by("reset-password").fill("password")
    teacher.by("reset-submit").click()
    expect(teacher.by("error")).to_contain_text("too common")
    look(teacher, "43-reset-refused")
    teacher.by("reset-password").fill(NEW)
    teacher.by("reset-submit").click()
    expect(teacher.by("lesson-new")).to_be_visible()
    assert "reset" not in teacher.page.url, "the secret is out of the address"
    teacher.by("sign-out").click()
    teacher.sign_in(account.username, NEW)
    expect(teacher.by("lesson-new")).to_be_visible()
    open_link(teacher, link(laptop, address))
    teacher.by("reset-password").fill("and once more by the same link")
    teacher.by("reset-submit").click()
    expect(teacher.by("error")).to_contain_text("was used already")
    teacher.by("reset-again").click()
    expect(teacher.by("forgot-email")).to_be_visible()
    no_trouble(teacher)


def test_a_lost_device_is_signed_out_and_a_new_password_signs_out_the_rest(
    laptop: Laptop, screens: Screens, account: Account, look: Callable[[Screen, str], None]
) -> None:
    here, lost, third = screens.teacher(), screens.teacher(), screens.teacher()
    for screen in (lost, third, here):
        screen.sign_in(account.username, account.password)
        expect(screen.by("lesson-new")).to_be_visible()
    look(here, "39-lessons-with-account")
    here.page.set_viewport_size({"width": 375, "height": 800})  # a phone leads there too
    here.by("account").click()
    expect(here.by("device")).to_have_count(3)
    look(here, "44-account")
    expect_keys_reach_everything(here)
    newest = here.page.locator('[data-testid="device"][data-current="false"]').first
    newest.get_by_test_id("device-end").click()
    expect(here.by("devices-said")).to_contain_text("is signed out")
    expect(here.by("device")).to_have_count(2)
    here.by("password-old").fill("not my password")
    here.by("password-new").fill(NEW)
    here.by("password-submit").click()
    expect(here.by("error")).to_contain_text("not your present password")
    here.by("password-old").fill(account.password)
    here.by("password-submit").click()
    expect(here.by("password-done")).to_be_visible()
    expect(here.by("device")).to_have_count(1)
    look(here, "45-password-changed")
    for screen in (lost, third):
        screen.reload()
        expect(screen.by("sign-in-submit")).to_be_visible()
    here.by("to-lessons").click()
    expect(here.by("lesson-new")).to_be_visible()
    no_trouble(here, lost, third)


FINGERPRINT_READER = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
"""Chromium's own stand-in for the device's lock (WebAuthn.addVirtualAuthenticator)."""


def test_a_passkey_added_on_one_host_signs_in_on_another_until_it_is_removed(
    laptop: Laptop, screens: Screens, account: Account, look: Callable[[Screen, str], None]
) -> None:
    teacher = screens.teacher()
    device = teacher.page.context.new_cdp_session(teacher.page)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": FINGERPRINT_READER})
    teacher.sign_in(account.username, account.password)
    expect(teacher.by("lesson-new")).to_be_visible()
    teacher.choose_host("host1")
    teacher.by("account").click()
    teacher.by("passkey-password").fill("not my password")
    teacher.by("passkey-add").click()
    expect(teacher.by("error")).to_contain_text("not your present password")
    teacher.by("passkey-password").fill(account.password)
    teacher.by("passkey-add").click()
    expect(teacher.by("passkeys-said")).to_contain_text("is added")
    expect(teacher.by("passkey")).to_have_count(1)
    look(teacher, "60-account-passkey")
    sign_out(teacher)
    teacher.choose_host("host2")
    look(teacher, "61-sign-in-passkey")
    teacher.by("sign-in-passkey").click()
    expect(teacher.by("user-name")).to_have_text(account.name)
    teacher.by("account").click()
    teacher.by("passkey-remove").click()
    expect(teacher.by("passkey")).to_have_count(0)
    sign_out(teacher)
    teacher.by("sign-in-passkey").click()
    expect(teacher.by("error")).to_contain_text("does not know this passkey")


def sign_out(teacher: Teacher) -> None:
    teacher.by("to-lessons").click()
    teacher.by("sign-out").click()
    expect(teacher.by("sign-in-submit")).to_be_visible()


def test_a_signed_out_device_that_is_steering_stops_and_the_board_goes_on(
    laptop: Laptop, screens: Screens, account: Account
) -> None:
    from tests.browser import decks
    from tests.browser.screens import pair

    here, lost, board = screens.teacher(), screens.teacher(), screens.board()
    for screen in (here, lost):
        screen.sign_in(account.username, account.password)
        expect(screen.by("lesson-new")).to_be_visible()
    lost.import_file("tides.zip", decks.tides())
    lost.open_lesson("The tides")
    pair(lost, board)
    here.by("account").click()
    here.by("device-end").click()
    expect(here.by("device")).to_have_count(1)
    expect(lost.by("sign-in-submit")).to_be_visible(timeout=20_000)
    board.expect_connection("online")
    no_trouble(here, lost)


def test_an_admin_teacher_invites_a_colleague_who_makes_an_account(
    laptop: Laptop, screens: Screens, account: Account, look: Callable[[Screen, str], None]
) -> None:
    admin, colleague = screens.teacher(), screens.teacher()
    admin.sign_in("ada", "firstbell-demo")
    admin.by("account").click()
    name = account.username.replace("toner", "nora")
    for address in (f"{name}@school.example", f"wrong-{name}@school.example"):
        admin.by("invite-email").fill(address)
        admin.by("invite-submit").click()
        expect(admin.by("invite-said")).to_contain_text(address)
    wrong = admin.by("invitation").filter(has_text=f"wrong-{name}")
    expect(wrong).to_have_attribute("data-mail", "sent", timeout=20_000)
    wrong.get_by_test_id("invitation-withdraw").click()
    expect(wrong).to_have_attribute("data-state", "withdrawn")
    look(admin, "46-account-of-an-admin")
    open_link(colleague, link(laptop, f"wrong-{name}@school.example"))
    expect(colleague.by("join-gone")).to_contain_text("withdrawn")
    look(colleague, "47-join-withdrawn")
    open_link(colleague, link(laptop, f"{name}@school.example"))
    expect(colleague.by("join-first")).to_be_visible()
    look(colleague, "48-join")
    expect_keys_reach_everything(colleague)
    join(colleague, account.username)
    expect(colleague.by("error")).to_contain_text("is taken")
    colleague.by("join-username").fill(name)
    colleague.by("join-submit").click()
    expect(colleague.by("user-name")).to_have_text("Nora Newman")
    admin.reload()
    accepted = admin.by("invitation").filter(has_text=f"{name}@school.example").last
    expect(accepted).to_have_attribute("data-state", "accepted")
    no_trouble(admin, colleague)


def join(colleague: Teacher, username: str) -> None:
    for field, value in {
        "join-first": "Nora",
        "join-last": "Newman",
        "join-username": username,
        "join-password": NEW,
    }.items():
        colleague.by(field).fill(value)
    colleague.by("join-submit").click()


def test_the_status_tells_of_each_hosts_outbox_and_sender(laptop: Laptop) -> None:
    passwords = credentials.load(laptop.state.secrets_toml)
    for node in health.look(laptop.topology, passwords):
        assert node.mail is not None
        assert (node.mail.error, node.mail.dead, node.mail.troubles) == (None, 0, [])


def test_who_guesses_too_often_is_told_when_to_try_again(
    screens: Screens, account: Account, look: Callable[[Screen, str], None]
) -> None:
    child = screens.teacher()
    for number in range(11):
        child.sign_in(account.username, f"guess {number}")
        expect(child.by("sign-in-submit")).to_be_enabled()
    expect(child.by("error")).to_contain_text("Try again in 15 minutes.")
    look(child, "49-too-many-guesses")
    no_trouble(child)
