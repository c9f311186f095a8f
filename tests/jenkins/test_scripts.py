"""`make env`, `make env-down` and `make pipeline`: whatever happens, no environment is left."""

import signal
import stat

import pytest

from tests.jenkins.conftest import Checkout, is_alive
from tests.support.nodes import wait_until


def left(checkout: Checkout) -> list[str]:
    """What must not be there when all is over: the environment, its name, its passwords."""
    return [
        name
        for name in ("there", "reports/env.name", "reports/env.json", "reports/env.json.new")
        if (checkout.folder / name).exists()
    ]


def test_an_environment_is_noted_before_it_is_asked_for_and_forgotten_when_it_is_gone(
    checkout: Checkout,
) -> None:
    made = checkout.call("bin/environment", "create", ENV_NAME="ci-7", TEMPLATE="pair", TTL="1h")
    assert made.code == 0, made.output
    assert made.calls == ["envctl create --template pair --name ci-7 --ttl 1h --wait --json"]
    file = checkout.folder / "reports/env.json"
    assert file.read_text() == '{"name": "ci-7"}\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (checkout.folder / "reports/env.name").read_text() == "ci-7\n"
    gone = checkout.call("bin/environment", "destroy")
    assert gone.code == 0
    assert gone.calls[-1] == "envctl destroy ci-7 --wait"
    assert left(checkout) == []


def test_a_create_that_fails_leaves_no_passwords_but_the_name_to_destroy(
    checkout: Checkout,
) -> None:
    checkout.when("fail", "")
    made = checkout.call("bin/environment", "create", ENV_NAME="ci-8")
    assert made.code == 1
    assert not (checkout.folder / "reports/env.json").exists()
    assert checkout.call("bin/environment", "destroy").code == 0
    assert left(checkout) == []


def test_an_environment_of_an_earlier_run_is_not_forgotten(checkout: Checkout) -> None:
    checkout.call("bin/environment", "create", ENV_NAME="ci-9")
    again = checkout.call("bin/environment", "create", ENV_NAME="ci-10")
    assert again.code == 1
    assert "The environment ci-9 of an earlier run is still noted" in again.output
    assert "make env-down" in again.output


def test_where_there_is_none_nothing_is_destroyed(checkout: Checkout) -> None:
    done = checkout.call("bin/environment", "destroy")
    assert (done.code, done.calls) == (0, [])


@pytest.fixture
def whole(checkout: Checkout) -> Checkout:
    """A checkout in which `make env` and `make env-down` are the real scripts."""
    checkout.when("env", "bin/environment create")
    checkout.when("env-down", "bin/environment destroy")
    return checkout


def pipeline(checkout: Checkout, **environ: str):
    return checkout.start_program("bin/pipeline", ENVCTL_URL="http://127.0.0.1:1", **environ)


def test_the_pipeline_leaves_nothing(whole: Checkout) -> None:
    done = whole.end(pipeline(whole, BUILD_NUMBER="5"))
    assert done.code == 0, done.output
    assert "envctl create --template pipeline --name ci-5 --ttl 2h --wait --json" in done.calls
    assert done.calls[-1] == "envctl destroy ci-5 --wait"
    assert left(whole) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_pipeline_that_is_interrupted_destroys_its_environment_and_ends_its_steps(
    whole: Checkout, number: signal.Signals
) -> None:
    whole.when("e2e", "echo $$ >child; exec sleep 600")
    process = pipeline(whole)
    child = whole.folder / "child"
    wait_until(lambda: child.exists() and child.read_text(), 60, "the end-to-end stage")
    process.send_signal(number)
    done = whole.end(process)
    assert done.code == 128 + number
    assert done.calls[-1].startswith("envctl destroy ci-")
    assert left(whole) == []
    assert not is_alive(int(child.read_text()))


def test_what_a_killed_pipeline_left_is_destroyed_by_the_next_one(whole: Checkout) -> None:
    whole.call("bin/environment", "create", ENV_NAME="ci-1")
    done = whole.end(pipeline(whole, BUILD_NUMBER="2"))
    assert done.code == 0, done.output
    assert "envctl destroy ci-1 --wait" in done.calls
    assert "envctl destroy ci-2 --wait" in done.calls
    assert left(whole) == []
