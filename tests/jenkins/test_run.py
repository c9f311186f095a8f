"""What the harness does with a sound Jenkinsfile: the same as Jenkins, stage by stage."""

import os
import re
import signal
import time

from tests.jenkins.conftest import TOKEN, Checkout, is_alive

ALL = ["lint", "unit", "build", "env", "e2e ENV=reports/env.json", "env-down"]


def stages(output: str) -> dict[str, str]:
    """Name and outcome, from the summary at the end."""
    rows = re.findall(r"^(\S.*?) +\d+\.\d s  (\w+)$", output, re.MULTILINE)
    return dict(rows)


def test_all_stages_run_in_order_and_the_environment_is_destroyed(checkout: Checkout) -> None:
    done = checkout.run()
    assert done.code == 0, done.output
    assert done.calls == ALL
    assert list(stages(done.output)) == ["Lint", "Unit", "Build", "Environment", "End to end", "post", "pipeline"]  # fmt: skip
    assert set(stages(done.output).values()) == {"SUCCESS"}


def test_a_stage_that_fails_skips_the_later_ones_but_not_the_teardown(checkout: Checkout) -> None:
    checkout.when("build", "exit 3")
    done = checkout.run()
    assert done.code == 1
    assert done.calls == ["lint", "unit", "build", "env-down"]
    assert stages(done.output) == {
        "Lint": "SUCCESS",
        "Unit": "SUCCESS",
        "Build": "FAILURE",
        "Environment": "skipped",
        "End to end": "skipped",
        "post": "SUCCESS",
        "pipeline": "FAILURE",
    }
    assert "exit code 3" in done.output


def test_failing_end_to_end_tests_still_tear_down_and_fail_the_pipeline(checkout: Checkout) -> None:
    checkout.when("e2e", checkout.writes("reports/e2e.xml", "<failure/>") + "; exit 1")
    done = checkout.run()
    assert done.code == 1
    assert done.calls == ALL
    assert "junit: 2 tests, 1 failed, 0 skipped" in done.output
    assert stages(done.output)["pipeline"] == "FAILURE"


def test_an_environment_that_failed_half_way_is_torn_down(checkout: Checkout) -> None:
    checkout.when("env", "exit 1")
    done = checkout.run()
    assert done.code == 1
    assert done.calls[-2:] == ["env", "env-down"]


def test_a_teardown_that_fails_fails_the_pipeline(checkout: Checkout) -> None:
    checkout.when("env-down", "exit 1")
    done = checkout.run()
    assert done.code == 1
    assert stages(done.output)["post"] == "FAILURE"


def test_failed_tests_in_a_report_are_not_success_even_if_make_said_so(checkout: Checkout) -> None:
    checkout.when("unit", checkout.writes("reports/unit.xml", "<error/>"))
    done = checkout.run()
    assert done.code == 1
    assert done.calls == ALL  # unstable: later stages run, as in Jenkins
    assert stages(done.output)["Unit"] == stages(done.output)["pipeline"] == "UNSTABLE"


def test_a_report_that_was_not_written_is_a_failure(checkout: Checkout) -> None:
    checkout.when("unit", "true")
    done = checkout.run()
    assert done.code == 1
    assert "reports/unit*.xml: no report was found" in done.output
    assert done.calls == ["lint", "unit", "env-down"]


def test_a_report_of_an_earlier_run_is_none_of_this_one(checkout: Checkout) -> None:
    checkout.when(
        "unit", checkout.writes("reports/unit.xml") + "; touch -d yesterday reports/unit.xml"
    )
    done = checkout.run()
    assert done.code == 1
    assert "none of the reports is new" in done.output


def test_parameters_and_the_name_of_the_environment_reach_make(checkout: Checkout) -> None:
    checkout.when("env", 'echo "$TEMPLATE $TTL $ENV_NAME $CI"')
    defaults = checkout.run(BUILD_NUMBER="41")
    assert "pipeline 2h ci-41 true" in defaults.output
    given = checkout.run(BUILD_NUMBER="42", TEMPLATE="bare", TTL="4h")
    assert "bare 4h ci-42 true" in given.output


def test_a_parameter_is_never_run_by_a_shell(checkout: Checkout) -> None:
    evil = "x; touch harm $(touch harm) `touch harm`"
    checkout.run(TEMPLATE=evil, TTL=evil)
    assert not (checkout.folder / "harm").exists()


def test_the_credential_reaches_make_but_not_the_log(checkout: Checkout) -> None:
    checkout.when("lint", f'test "$ENVCTL_TOKEN" = {TOKEN}')
    done = checkout.run()
    assert done.code == 0
    assert TOKEN not in done.output
    assert "token=****" in done.output


def test_without_the_credential_nothing_runs(checkout: Checkout) -> None:
    done = checkout.run(ENVCTL_TOKEN="")
    assert done.code == 2
    assert done.output == "no credential envctl-token: set ENVCTL_TOKEN or ENVCTL_TOKEN_FILE\n"
    assert done.calls == []


def test_a_pipeline_that_takes_too_long_is_aborted_and_torn_down(checkout: Checkout) -> None:
    checkout.edit("time: 60, unit: 'MINUTES'", "time: 1, unit: 'SECONDS'")
    checkout.when("lint", "sleep 600 & echo $! >child; wait")
    began = time.monotonic()
    done = checkout.run()
    assert done.code == 1
    assert time.monotonic() - began < 30
    assert done.calls == ["lint", "env-down"]
    assert stages(done.output)["pipeline"] == "ABORTED"
    child = int((checkout.folder / "child").read_text())
    assert not is_alive(child)


def test_what_a_step_says_is_seen_while_it_runs(checkout: Checkout) -> None:
    checkout.when("lint", "echo now; sleep 600")
    process = checkout.start()
    try:
        assert process.stdout is not None
        assert any("now" in line for line in process.stdout)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
