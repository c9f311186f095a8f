"""The page in a real Chromium: what a developer sees while it happens, and while the provisioner dies."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.browser.screens import ARGUMENTS, CHROMIUM
from tests.provisioner.office import Office

PATIENCE_MS = 30_000
LINES = ["Wait for a machine", "Wait in line", "Make hosts", "Make each host", "Hand it over",
         "Write the environment file", "Let them settle", "Wait for them"]  # fmt: skip


@pytest.fixture(scope="module")
def browser(playwright_driver: Playwright) -> Iterator[Browser]:
    started = playwright_driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield started
    started.close()


def sign_in(browser: Browser, office: Office) -> tuple[Page, list[str]]:
    """A page, and what its console says about our own mistakes (not about a server that is away)."""
    troubles: list[str] = []
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda m: troubles.append(m.text) if "Content Security" in m.text else None)
    page.goto(office.url)
    page.get_by_label("Token").fill(office.token)
    page.get_by_role("button", name="Sign in").click()
    return page, troubles


def shown_lines(page: Page) -> list[str]:
    """What stands in the log for a person: the text of each visible line, without durations."""
    visible = page.locator("#log li:visible .text").all_inner_texts()
    return [text.rsplit(" ", 2)[0] if text.endswith(" s") else text for text in visible]


def test_a_click_is_followed_live_also_past_a_kill_of_the_provisioner(new_office, browser):
    office = new_office(providers=("slow",))
    page, troubles = sign_in(browser, office)
    page.get_by_role("link", name="New environment").click()
    page.get_by_role("link", name="Choose slow").click()
    page.get_by_label("Name").fill("clicked")
    page.get_by_label("Seconds").fill("4")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#log")).to_contain_text("Wait in line", timeout=PATIENCE_MS)
    expect(page.locator("h1 .state")).to_have_text("creating")
    office.kill("serve", "web", "keeper")
    expect(page.locator("#line-state")).to_have_text("reconnecting …")
    office.start()
    expect(page.locator("h1 .state")).to_have_text("ready", timeout=PATIENCE_MS)
    assert shown_lines(page) == LINES
    page.get_by_role("button", name="Show credentials").click()
    expect(page.locator(".secret")).to_contain_text("correct-horse-clicked")
    page.reload()  # the same showing again, for whoever's connection broke
    page.goto(f"{office.url}/environments/clicked")
    expect(page.locator("body")).not_to_contain_text("correct-horse")
    page.get_by_role("link", name="Destroy …").click()
    page.get_by_role("button", name="Destroy clicked").click()
    expect(page.locator("h1 .state")).to_have_text("gone", timeout=PATIENCE_MS)
    office.wait_for_no_trace("clicked")
    page.get_by_role("link", name="All environments").click()
    expect(page.locator(".ended")).to_contain_text("clicked")
    assert troubles == []


def test_where_no_stream_can_be_had_the_page_asks_and_a_choice_is_not_taken_away(office, browser):
    page, troubles = sign_in(browser, office)
    page.route("**/events*", lambda route: route.fulfill(status=503, body="{}"))
    office.create("asks", "slow", variables={"seconds": 1}, ttl_seconds=7200)
    page.goto(f"{office.url}/environments/asks")
    expect(page.locator("h1 .state")).to_have_text("ready", timeout=PATIENCE_MS)
    assert shown_lines(page) == LINES
    choice = page.get_by_label("Let it live for")
    choice.focus()
    choice.select_option(label="8 h")
    office.api("PATCH", "/environments/asks", {"ttl_seconds": 1800})
    page.wait_for_timeout(3000)  # longer than it takes to ask again
    assert choice.evaluate("e => e.selectedOptions[0].textContent") == "8 h"
    page.get_by_role("button", name="Extend").click()
    expect(page.locator("#live time[data-left]")).to_contain_text("7 h 59 min")
    assert office.get("asks")["seconds_left"] > 28_000
    office.destroy("asks")
    expect(page.locator("h1 .state")).to_have_text("gone", timeout=PATIENCE_MS)
    assert troubles == []
