"""The click: a developer makes an environment on the provisioner's page, teaches in it, and it is gone without a trace.

Run by tests/hosts/test_site.py, which made the golden image; FIRSTBELL_CLICK names the template,
FIRSTBELL_CLICK_ANSIBLE the folder it lies in.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, Playwright

from tests.browser import decks
from tests.browser.screens import ARGUMENTS, CHROMIUM, Screens, expect, pair
from tests.hosts.local_hosts import REPOSITORY, traces
from tests.hosts.sites import note
from tests.hosts.trust import home_that_trusts
from tests.provisioner.office import Office

pytestmark = pytest.mark.timeout(400)

TEMPLATE = os.environ.get("FIRSTBELL_CLICK", "")
ANSIBLE = Path(os.environ.get("FIRSTBELL_CLICK_ANSIBLE") or REPOSITORY / "ansible")
NAME = "clicked"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path, (TEMPLATE,), ansible=ANSIBLE)
    office.start()
    yield office
    if office.get(NAME).get("open"):
        office.destroy(NAME)
        office.wait_for(NAME, "gone")
    office.stop()


@pytest.fixture
def page(playwright_driver: Playwright) -> Iterator[Page]:
    browser = playwright_driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    page = browser.new_page(viewport={"width": 1366, "height": 900})
    page.set_default_timeout(15_000)
    yield page
    browser.close()


def test_an_environment_is_clicked_taught_in_and_gone_without_a_trace(
    office: Office, page: Page, playwright_driver: Playwright, tmp_path: Path
) -> None:
    before = traces()
    page.goto(office.url)
    page.get_by_label("Token").fill(office.token)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="New environment").click()
    page.get_by_role("link", name=f"Choose {TEMPLATE}").click()
    page.get_by_label("Name").fill(NAME)
    clicked = time.monotonic()
    page.get_by_role("button", name="Create").click()
    show = page.get_by_role("button", name="Show credentials")
    expect(show).to_be_visible(timeout=180_000)
    note(f"click to ready, template {TEMPLATE}, s", round(time.monotonic() - clicked, 1))
    picture(page, "provisioner-ready")
    show.click()
    secrets = page.get_by_role("region", name=f"Credentials of {NAME}").locator("code")
    username, password = secrets.nth(0).inner_text(), secrets.nth(1).inner_text()
    picture(page, "provisioner-credentials")
    address = page.get_by_role("link", name="Open it").get_attribute("href") or ""
    authority = tmp_path / "ca.pem"
    path = page.get_by_role("link", name="certificate").get_attribute("href") or ""
    with page.expect_download() as download:
        page.get_by_role("link", name="certificate").click()
    download.value.save_as(authority)
    assert "BEGIN CERTIFICATE" in authority.read_text(), path

    screens = Screens(
        playwright_driver, address.rstrip("/"), tmp_path, home_that_trusts(authority, tmp_path)
    )
    try:
        teacher = screens.teacher()
        teacher.sign_in(username, password)
        expect(teacher.by("user-name")).to_be_visible()
        board = screens.board()
        teacher.import_file("tides.zip", decks.tides())
        teacher.open_lesson("The tides")
        pair(teacher, board)
        for _ in range(3):
            board.expect_at(teacher.next())
        teacher.assert_untroubled()
        board.assert_untroubled()
    finally:
        screens.close()

    page.reload()
    page.get_by_role("link", name="Destroy …").click()
    clicked = time.monotonic()
    page.get_by_role("button", name=f"Destroy {NAME}").click()
    expect(page.get_by_role("status").filter(has_text="gone")).to_be_visible(timeout=60_000)
    note(f"click to destroyed, template {TEMPLATE}, s", round(time.monotonic() - clicked, 1))
    picture(page, "provisioner-gone")
    after = traces()
    left = {where: [t for t in found if t not in before[where]] for where, found in after.items()}
    assert left == {where: [] for where in left}
    with pytest.raises(requests.ConnectionError):
        requests.get(address, timeout=3)


def picture(page: Page, name: str) -> None:
    folder = REPOSITORY / "reports/screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=True)
