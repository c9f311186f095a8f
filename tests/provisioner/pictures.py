"""Pictures of the provisioner's pages for people to look at: `python -m tests.provisioner.pictures FOLDER`."""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.screens import ARGUMENTS, CHROMIUM
from tests.provisioner.office import Office

LAPTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


def sign_in(browser: Browser, office: Office, **options: object) -> Page:
    page = browser.new_context(**options).new_page()  # type: ignore[arg-type]
    page.goto(office.url)
    page.get_by_label("Token").fill(office.token)
    page.get_by_role("button", name="Sign in").click()
    return page


def take(office: Office, browser: Browser, folder: Path) -> None:
    def picture(page: Page, name: str) -> None:
        page.screenshot(path=folder / f"{name}.png", full_page=True)

    page = browser.new_page(viewport=LAPTOP)  # type: ignore[arg-type]
    page.goto(office.url)
    page.get_by_label("Token").fill("nonsense")
    page.get_by_role("button", name="Sign in").click()
    picture(page, "01-sign-in-refused")
    page = sign_in(browser, office, viewport=LAPTOP)
    dark = sign_in(browser, office, viewport=LAPTOP, color_scheme="dark")
    phone = sign_in(browser, office, viewport=PHONE, has_touch=True, is_mobile=True)
    picture(page, "02-empty")
    page.get_by_role("link", name="New environment").click()
    picture(page, "03-choose")
    page.get_by_role("link", name="Choose slow").click()
    page.get_by_label("Name").fill("Not A Name")
    page.get_by_label("Hosts").fill("9")
    page.get_by_label("Motto").fill("{{ 1 }}")
    page.get_by_role("button", name="Create").click()
    picture(page, "04-form-refused")
    page.get_by_label("Name").fill("demo")
    page.get_by_label("Hosts").fill("3")
    page.get_by_label("Motto").fill("Good morning")
    page.get_by_role("button", name="Create").click()
    page.get_by_text("Wait in line").wait_for()
    picture(page, "05-creating")
    office.create("broken", "fails", keep=True)
    office.create("stuck", "leaves")
    (office.ansible / "stuck").touch()
    page.locator(".state[data-state=ready]").wait_for(timeout=60_000)
    picture(page, "06-ready")
    phone.goto(f"{office.url}/environments/demo")
    picture(phone, "07-ready-phone")
    page.get_by_role("button", name="Show credentials").click()
    picture(page, "08-credentials")
    office.wait_for("broken", "failed")
    office.wait_for("stuck", "ready")
    office.destroy("stuck")
    office.wait_for("stuck", "failed")
    office.create("brief", ttl_seconds=300)
    office.wait_for("brief", "expiring")
    page.goto(f"{office.url}/environments/broken")
    picture(page, "09-failed")
    page.goto(f"{office.url}/environments/stuck")
    picture(page, "10-destroy-failed")
    page.goto(office.url)
    picture(page, "11-list")
    dark.goto(f"{office.url}/environments/demo")
    picture(dark, "12-dark")
    phone.goto(office.url)
    picture(phone, "13-list-phone")
    phone.goto(f"{office.url}/new/slow")
    picture(phone, "14-form-phone")
    page.goto(f"{office.url}/environments/demo/destroy")
    picture(page, "15-destroy")
    page.get_by_role("button", name="Destroy demo").click()
    page.locator(".state[data-state=gone]").wait_for(timeout=60_000)
    picture(page, "16-gone")
    page.goto(f"{office.url}/audit")
    picture(page, "17-audit")
    page.goto(f"{office.url}/tokens")
    page.get_by_label("For whom").fill("ada")
    page.get_by_role("button", name="Make token").click()
    picture(page, "18-tokens")
    page.goto(f"{office.url}/environments/nothing")
    picture(page, "19-not-found")


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="office-") as state, sync_playwright() as playwright:
        providers = ("quick", "slow", "fails", "leaves")
        office = Office(Path(state), providers, PROVISIONER_RETRY_SECONDS="600")
        try:
            office.start()
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            take(office, browser, folder)
            browser.close()
        finally:
            office.stop()


if __name__ == "__main__":
    main()
