"""The API is what its description says, and refuses in one shape."""

from typing import Any

import jsonschema
import pytest
import requests

from provisioner.settings import from_environment
from provisioner.web import create_app
from tests.provisioner.office import Office

SHAPE = {"code", "message", "fields"}


@pytest.fixture(scope="module")
def described(office: Office) -> dict[str, Any]:
    return requests.get(f"{office.url}/api/v1/openapi.json", timeout=10).json()


def operations(described: dict[str, Any]) -> set[tuple[str, str]]:
    return {(p, m) for p, item in described["paths"].items() for m in item if m != "parameters"}


def test_the_description_names_every_route_and_no_other(described, tmp_path):
    app = create_app(from_environment({"PROVISIONER_STATE": str(tmp_path)}))
    routes = {
        (str(rule).removeprefix("/api/v1").replace("<", "{").replace(">", "}"), method.lower())
        for rule in app.url_map.iter_rules() if rule.endpoint.startswith("api.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }  # fmt: skip
    assert routes == operations(described)


def test_answers_are_what_the_description_says(office: Office, described):
    def check(method: str, path: str, answer: requests.Response) -> None:
        operation = described["paths"][path][method]
        told = operation["responses"].get(
            str(answer.status_code), operation["responses"]["default"]
        )
        if "$ref" in told:
            told = described["components"]["responses"][told["$ref"].rpartition("/")[2]]
        schema = {**told["content"]["application/json"]["schema"],
                  "components": described["components"]}  # fmt: skip
        jsonschema.Draft202012Validator(schema).validate(answer.json())

    ask = office.api
    body = {"template": "quick", "variables": {"hosts": 1}, "ttl_seconds": 600, "keep": False}
    one = "/environments/{name}"
    check("put", one, ask("PUT", "/environments/spec", body))
    check("put", one, ask("PUT", "/environments/spec", body))
    check("put", one, ask("PUT", "/environments/spec", {**body, "keep": True}))
    check("put", one, ask("PUT", "/environments/Spec", {"template": "?", "variables": {"a": 1}}))
    office.wait_for("spec", "ready", "expiring")
    check("get", one, ask("GET", "/environments/spec"))
    check("get", one, ask("GET", "/environments/nothing"))
    check("patch", one, ask("PATCH", "/environments/spec", {"ttl_seconds": 1200}))
    claim = "/environments/{name}/credentials/{claim}"
    check("put", claim, ask("PUT", f"/environments/spec/credentials/{'a' * 16}"))
    check("put", claim, ask("PUT", f"/environments/spec/credentials/{'b' * 16}"))
    for path in ("/me", "/templates", "/environments", "/audit", "/orphans", "/tokens"):
        check("get", path, ask("GET", path))
    check("get", "/environments/{name}/log", ask("GET", "/environments/spec/log?after=1.2"))
    check("put", "/tokens/{name}", ask("PUT", "/tokens/spec", {"role": "viewer"}))
    check("put", "/tokens/{name}", ask("PUT", "/tokens/spec", {"role": "king"}))
    assert ask("DELETE", "/tokens/spec").status_code == 204
    check("delete", one, ask("DELETE", "/environments/spec"))


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/environments/nothing", None, 404, "not_found"),
        ("GET", "/nowhere", None, 404, "not_found"),
        ("POST", "/environments", {}, 405, "method_not_allowed"),
        ("PUT", "/environments/x", ["no object"], 400, "bad_request"),
        ("PUT", "/environments/x", {}, 422, "invalid"),
        ("PUT", "/environments/x", {"template": 1}, 422, "invalid"),
        ("PUT", "/environments/x", {"template": "quick", "owner": "me"}, 422, "invalid"),
        ("PUT", "/environments/x", {"template": "quick", "ttl_seconds": 0}, 422, "invalid"),
        ("PUT", "/environments/x", {"template": "quick", "ttl_seconds": 10**8}, 422, "invalid"),
        ("PUT", "/environments/x", {"template": "quick", "ttl_seconds": True}, 422, "invalid"),
        ("PUT", "/environments/x", {"template": "x" * 70_000}, 413, "too_large"),
        ("PATCH", "/environments/nothing", {"ttl_seconds": 60}, 404, "not_found"),
        ("DELETE", "/environments/nothing", None, 404, "not_found"),
        ("PUT", "/environments/x/credentials/short", None, 422, "invalid"),
        ("DELETE", "/tokens/olga", None, 409, "own_token"),
        ("DELETE", "/tokens/nobody", None, 404, "not_found"),
        ("PUT", "/tokens/No Body", {"role": "viewer"}, 422, "invalid"),
    ],
)  # fmt: skip
def test_what_is_refused_has_one_shape(office: Office, method, path, body, status, code):
    answer = office.api(method, path, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert set(answer.json()) == SHAPE
    assert answer.json()["message"].strip()


def test_nobody_gets_in_without_a_valid_token(office: Office, described):
    for path, method in operations(described) - {("/openapi.json", "get")}:
        url = f"{office.url}/api/v1" + path.format(name="x", claim="a" * 16)
        for header in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}):
            answer = requests.request(method, url, headers=header, json={}, timeout=10)
            assert (answer.status_code, answer.json()["code"]) == (401, "no_token"), (path, method)


def test_roles_may_do_what_they_may_and_no_more(office: Office):
    ada = office.api("PUT", "/tokens/ada", {"role": "developer"}).json()["token"]
    bob = office.api("PUT", "/tokens/bob", {"role": "developer"}).json()["token"]
    eve = office.api("PUT", "/tokens/eve", {"role": "viewer"}).json()["token"]
    body = {"template": "quick", "variables": {"hosts": 1}}
    assert office.api("PUT", "/environments/adas", body, eve).status_code == 403
    assert office.api("PUT", "/environments/adas", body, ada).status_code == 201
    assert office.api("GET", "/environments/adas", token=eve).status_code == 200
    for token in (bob, eve):
        assert office.api("DELETE", "/environments/adas", token=token).status_code == 403
        extend = office.api("PATCH", "/environments/adas", {"ttl_seconds": 60}, token)
        assert extend.status_code == 403
        assert office.api("GET", "/tokens", token=token).status_code == 403
        assert office.api("PUT", "/tokens/x", {"role": "operator"}, token).status_code == 403
    refused = office.api("DELETE", "/environments/adas", token=bob)
    assert refused.json()["message"] == "adas is ada's: ask them, or an operator."
    assert office.api("DELETE", "/environments/adas").status_code == 202  # an operator may
    office.wait_for("adas", "gone")
    # A token that was replaced or ended is worth nothing from then on.
    office.api("PUT", "/tokens/bob", {"role": "viewer"})
    assert office.api("GET", "/me", token=bob).status_code == 401
    office.api("DELETE", "/tokens/eve")
    assert office.api("GET", "/me", token=eve).status_code == 401
    assert ada not in office.database_text()


def test_a_defect_is_told_without_its_inside_and_logged_under_a_reference(tmp_path):
    app = create_app(from_environment({"PROVISIONER_STATE": str(tmp_path / "none")}))
    answer = app.test_client().get("/api/v1/me", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 500
    assert set(answer.json) == SHAPE
    assert answer.json["message"].startswith("That went wrong on our side. The log has it under ")
    assert app.test_client().get("/readyz").status_code == 503
    assert app.test_client().get("/livez").status_code == 200
