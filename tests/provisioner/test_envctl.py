"""`envctl` as people and pipelines use it: exit codes, JSON, one clear line."""

import json

import pytest

from tests.provisioner.office import Office


def test_a_whole_life_by_envctl(office: Office):
    done = office.envctl(
        "create", "--template", "quick", "--name", "whole2", "--ttl", "2h", "--var", "hosts=1",
        "--wait", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert {k: document[k] for k in ("name", "template", "domain", "page_url", "state")} == {
        "name": "whole2", "template": "quick", "domain": "whole2.test",
        "page_url": "https://www.whole2.test", "state": "ready",
    }  # fmt: skip
    assert document["users"][0] == {"username": "ada", "password": "correct-horse-whole2"}
    assert document["hosts"][0]["address"] == "192.0.2.1"
    assert "✓ Make each host" in done.stderr
    assert "whole2       ready" in office.envctl("list").stdout
    assert "users" not in json.loads(office.envctl("show", "whole2", "--json").stdout)
    assert "whole2 is ready" in office.envctl("show", "whole2").stdout
    assert office.envctl("extend", "whole2", "4h").stdout.startswith("whole2 lives until 20")
    lines = [
        json.loads(x) for x in office.envctl("logs", "-f", "whole2", "--json").stdout.splitlines()
    ]
    assert lines[0]["text"] == "Make hosts"
    done = office.envctl("destroy", "whole2", "--wait")
    assert (done.returncode, done.stdout) == (0, "whole2 is gone\n")
    assert "Make each host" not in done.stderr  # what was before is not told again
    done = office.envctl("destroy", "whole2", "--wait", "--json")
    assert (done.returncode, json.loads(done.stdout)["state"]) == (0, "gone")


def test_a_failed_create_is_exit_code_1_with_task_and_message(office: Office):
    done = office.envctl("create", "--template", "fails", "--name", "fail2", "--wait", "--json")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == (
        "Error: fail2 failed: Start host2: hosts: starting needs root: run the provisioner as root."
        " What was made has been destroyed."
    )
    assert office.hosts("fail2") == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["create"], 2, "Missing option '--template'"),
        (["create", "--template", "nothing"], 2, "There is no template 'nothing'. Known: "),
        (["create", "--template", "quick", "--name", "No Good"], 2, "'No Good' can't be a name"),
        (["create", "--template", "quick", "--name", "../x"], 2, "'../x' can't be a name"),
        (["create", "--template", "quick", "--var", "hosts"], 2, "expected NAME=VALUE"),
        (["create", "--template", "quick", "--var", "hosts=9"], 2, "hosts: 9 is out of bounds"),
        (["create", "--template", "quick", "--var", "motto={{ 1 }}"], 2, "are not allowed"),
        (["create", "--template", "quick", "--ttl", "soon"], 2, "'soon' is no duration"),
        (["create", "--template", "quick", "--ttl", "999d"], 2, "at most 7 d"),
        (["show", "nothing"], 2, "There is no environment 'nothing'."),
        (["extend", "nothing", "1h"], 2, "There is no environment 'nothing'."),
        (["--url", "ftp://x", "list"], 2, "ENVCTL_URL is 'ftp://x'"),
    ],
)  # fmt: skip
def test_misuse_is_exit_code_2_with_one_line(office: Office, arguments, code, message):
    done = office.envctl(*arguments)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_or_missing_token_is_misuse(office: Office):
    done = office.envctl("list", token="wrong")
    assert (done.returncode, done.stderr) == (
        2, "Error: This token is not known: it was mistyped, replaced or ended.\n",
    )  # fmt: skip
    done = office.envctl("list", token=" ")
    assert done.returncode == 2
    assert "No token: set ENVCTL_TOKEN" in done.stderr


def test_destroying_what_never_was_is_well_but_said(office: Office):
    done = office.envctl("destroy", "neverwas", "--wait")
    assert done.returncode == 0
    assert "There is no environment 'neverwas'. Nothing to destroy." in done.stderr
