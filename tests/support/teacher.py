"""A teacher's browser without the browser: tries each host at most once per request, as the front end does."""

import requests

from webapp.api.ids import uuid7

SET_ASIDE = {502, 503, 504}
REQUEST_SECONDS = 5


class NobodyAnswered(AssertionError):
    """Every host was tried once and none could answer."""


class Teacher:
    """Signed-in client that begins at `hosts[0]`. Keeps cookies (valid on all hosts) and the position."""

    def __init__(self, hosts: list[str]):
        self.hosts = hosts
        self.http = requests.Session()
        self.position = ""
        self.csrf = ""

    def ask(self, method: str, path: str, **kwargs) -> requests.Response:
        """The answer of the first host that has one. Raises NobodyAnswered."""
        tried = []
        for host in self.hosts:
            headers = {"Firstbell-Position": self.position, "X-CSRFToken": self.csrf}
            # requests keeps cookies per name and host; ports don't matter to it, as to a browser
            try:
                answer = self.http.request(
                    method, host + path, headers=headers, timeout=REQUEST_SECONDS, **kwargs
                )
            except requests.RequestException as error:
                tried.append(f"{host}: {type(error).__name__}")
                continue
            if answer.status_code in SET_ASIDE or (
                answer.status_code == 409 and answer.json().get("code") == "behind"
            ):
                tried.append(f"{host}: {answer.status_code}")
                continue
            self.position = answer.headers.get("Firstbell-Position") or self.position
            self.hosts = [host, *(h for h in self.hosts if h != host)]  # sticky
            return answer
        raise NobodyAnswered(f"{method} {path}: {'; '.join(tried)}")

    def sign_in(self, username: str = "ada", password: str = "firstbell-demo") -> dict:
        answer = self.ask(
            "POST", "/api/v1/session", json={"username": username, "password": password}
        )
        assert answer.status_code == 200, answer.text
        self.csrf = answer.json()["csrf_token"]
        return answer.json()

    @property
    def session_key(self) -> str:
        """Key of the session row; the cookie's name differs per cluster, as cookies ignore ports."""
        names = {c.name: c.value for c in self.http.cookies}
        (name,) = [n for n in names if n.startswith("firstbell_session") and n + "_device" in names]
        return names[name]

    def save_lesson(self, lesson: str, markdown: str, base: str | None) -> str:
        """PUT one lesson; the version that was acknowledged."""
        version = str(uuid7())
        body = {"title": f"Lesson {lesson[-4:]}", "markdown": markdown}
        answer = self.ask(
            "PUT",
            f"/api/v1/lessons/{lesson}",
            json={**body, "version": version, "base_version": base},
        )
        assert answer.status_code in (200, 201), answer.text
        return version

    def start_teaching(self, lesson: str) -> str:
        """PUT a new teaching session for a lesson; its id."""
        teaching = str(uuid7())
        answer = self.ask("PUT", f"/api/v1/teachings/{teaching}", json={"lesson": lesson})
        assert answer.status_code in (200, 201), answer.text
        return teaching
