"""The page without a browser: sessions, forms, headers."""

import html
import re

import pytest
import requests

from tests.provisioner.office import Office


class Visitor:
    """A browser's bare bones: cookies, and forms with their hidden fields."""

    def __init__(self, office: Office, token: str | None = None) -> None:
        self._url = office.url
        self.http = requests.Session()
        if token:
            answer = self.post("/sign-in", token=token, csrf=None)
            assert answer.status_code == 303, answer.text

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.http.get(self._url + path, timeout=10, allow_redirects=False, headers=headers)

    def post(self, path: str, headers: dict[str, str] | None = None, **fields: str | None):
        if "csrf" not in fields:
            fields["csrf"] = self.csrf()
        return self.http.post(
            self._url + path, data=fields, timeout=10, allow_redirects=False, headers=headers or {}
        )

    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.get("/").text)
        assert found
        return found[1]


@pytest.fixture
def olga(office: Office) -> Visitor:
    return Visitor(office, office.token)


def test_a_session_is_kept_in_a_cookie_that_no_script_and_no_other_site_gets(office: Office):
    visitor = Visitor(office)
    answer = visitor.post("/sign-in", token=office.token, next="/environments/x", csrf=None)
    assert answer.headers["Location"] == "/environments/x"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie  # http, on loopback
    assert office.token not in cookie
    assert visitor.post("/sign-out").status_code == 303
    assert visitor.get("/").headers["Location"] == "/sign-in?next=/"


def test_behind_https_the_cookie_is_secure(new_office):
    office = new_office(PROVISIONER_URL="https://env.example.org")
    answer = requests.post(
        f"{office.url}/sign-in", data={"token": office.token}, timeout=10, allow_redirects=False,
        headers={"Host": "env.example.org", "Origin": "https://env.example.org"},
    )  # fmt: skip
    assert answer.status_code == 303
    assert "Secure" in answer.headers["Set-Cookie"]
    assert requests.get(office.url, headers={"Host": "evil.example"}, timeout=10).status_code == 400


@pytest.mark.parametrize("following", ["//evil.example", "/\\evil.example", "https://evil.example"])
def test_signing_in_leads_to_no_other_site(office: Office, following):
    answer = Visitor(office).post("/sign-in", token=office.token, next=following, csrf=None)
    assert answer.headers["Location"] == "/"


def test_a_form_without_the_sessions_token_or_of_another_site_changes_nothing(office: Office, olga):
    for headers, csrf in (
        ({}, None),
        ({}, "wrong"),
        ({"Origin": "https://evil.example"}, olga.csrf()),
    ):
        answer = olga.post("/new/quick", headers, name="forged", ttl="600", csrf=csrf)
        assert answer.status_code == 403
    assert office.api("GET", "/environments/forged").status_code == 404
    # Nor does the API take the cookie for a change.
    answer = olga.http.put(
        f"{office.url}/api/v1/environments/forged", json={"template": "quick"}, timeout=10
    )
    assert answer.status_code == 401
    assert olga.http.get(f"{office.url}/api/v1/me", timeout=10).json()["name"] == "olga"


def test_a_link_on_another_site_finds_a_signed_in_person_signed_in(office: Office):
    answer = Visitor(office).get("/environments/x", **{"Sec-Fetch-Site": "cross-site"})
    assert 'http-equiv="refresh"' in answer.text


def test_every_page_forbids_foreign_code_and_frames(olga):
    for path in ("/", "/new", "/new/quick", "/audit", "/tokens", "/environments/nothing"):
        answer = olga.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<script(?! src)|\sstyle=|\son\w+=", answer.text)


def test_a_form_comes_back_with_what_was_entered_and_what_is_wrong_with_it(olga):
    answer = olga.post("/new/quick", **{
        "name": "Bad Name", "variables.motto": '"><script>{{ 1 }}', "variables.hosts": "7",
        "variables.size": "small", "ttl": "600"})  # fmt: skip
    assert answer.status_code == 422
    text = html.unescape(answer.text)
    assert "'Bad Name' can't be a name." in text
    assert "7 is out of bounds. A whole number from 1 to 5." in text
    assert "{{, {% and {# are not allowed." in text
    assert '<script>{{ 1 }}"' not in answer.text
    assert answer.text.count('aria-invalid="true"') == 3


def test_a_click_twice_is_one_environment_and_credentials_are_shown_once(office: Office, olga):
    form = {"name": "clicked", "variables.hosts": "1", "variables.motto": "Hi",
            "variables.size": "small", "ttl": "3600"}  # fmt: skip
    for _ in range(2):
        answer = olga.post("/new/quick", **form)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/environments/clicked")
    office.wait_for("clicked", "ready")
    claim = re.search(r'name="claim" value="([^"]+)"', olga.get("/environments/clicked").text)
    assert claim
    shown = olga.post("/environments/clicked/credentials", claim=claim[1])
    assert "correct-horse-clicked" in shown.text
    again = olga.post("/environments/clicked/credentials", claim="f" * 32)
    assert again.status_code == 410
    assert "were shown once" in again.text
    assert "correct-horse" not in olga.get("/environments/clicked").text
    assert "Show credentials" not in olga.get("/environments/clicked").text
    assert olga.post("/environments/clicked/extend", ttl="7200").status_code == 303
    assert office.get("clicked")["seconds_left"] > 7100
    assert "Destroy clicked?" in olga.get("/environments/clicked/destroy").text
    assert olga.post("/environments/clicked/destroy").status_code == 303
    office.wait_for("clicked", "gone")


def test_a_stream_goes_on_after_the_last_line_that_was_seen(office: Office, olga):
    office.create("stream", variables={"hosts": 1})
    office.wait_for("stream", "ready")
    office.destroy("stream")
    office.wait_for("stream", "gone")
    lines = office.lines("stream")
    url = f"{office.url}/api/v1/environments/stream/events"
    for seen in (0, 3, len(lines)):
        header = {"Last-Event-ID": lines[seen - 1]["id"]} if seen else {}
        text = olga.http.get(url, headers=header, timeout=10).text
        assert re.findall(r"^id: (.+)$", text, re.M) == [line["id"] for line in lines[seen:]]
        assert text.rstrip().endswith("event: end\ndata: {}")
