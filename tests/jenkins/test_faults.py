"""Faults that a person makes in a Jenkinsfile: each is named with its line before anything runs."""

import pytest

from tests.jenkins.conftest import Checkout

END_TO_END = "stage('End to end')"

FAULTS = {
    "a misspelt section": ("stages {", "stagez {", "`stagez` is not known in pipeline; did you mean `stages`?"),
    "a misspelt stage": ("stage('Unit')", "stgae('Unit')", "line 24: `stgae` is not known in stages; did you mean `stage`?"),
    "a misspelt word inside of a stage": ("steps { sh 'make env' }", "step { sh 'make env' }", "`step` is not known in stage 'Environment'; did you mean `steps`?"),
    "a misspelt step": ("sh 'make lint'", "hs 'make lint'", "`hs` is not known in steps of stage 'Lint'"),
    "a misspelt condition": ("always { sh", "allways { sh", "`allways` is not known in post; did you mean `always`?"),
    "a step that Jenkins does not have": ("sh 'make lint'", "println 'hello'", "line 22: `println` is Groovy's, and no word of a Jenkinsfile"),
    "a section out of place": ("agent { label 'firstbell' }", "steps { sh 'make lint' }", "`steps` is not known in pipeline"),
    "no agent": ("agent { label 'firstbell' }", "", "pipeline has no `agent`"),
    "no agent for any stage": ("agent { label 'firstbell' }", "agent none", "stage 'Lint' has no agent"),
    "an agent without a label": ("label 'firstbell'", "", "agent is `any`, `none` or `{ label '…' }`"),
    "no stages": ("stages {", "post {", "pipeline has no `stages`"),
    "a stage without steps": ("steps { sh 'make lint' }", "", "stage 'Lint' has no steps"),
    "a stage with empty steps": ("steps { sh 'make lint' }", "steps { }", "steps of stage 'Lint' is empty"),
    "a stage that calls no make target": ("sh 'make lint'", "echo 'make lint'", "stage 'Lint' calls no make target"),
    "two stages of one name": (END_TO_END, "stage('Unit')", "a second stage 'Unit'"),
    "no timeout": ("timeout(time: 60, unit: 'MINUTES')", "", "options lack `timeout`"),
    "a timeout of no time": ("time: 60", "time: 0", "timeout: time is not positive"),
    "a timeout in words": ("time: 60", "time: 'sixty'", "timeout: time is 'sixty' instead of Integer"),
    "a unit that Jenkins does not have": ("'MINUTES'", "'MINUTE'", "timeout: unit is one of SECONDS, MINUTES, HOURS"),
    "builds side by side": ("disableConcurrentBuilds()", "", "options lack `disableConcurrentBuilds`"),
    "a misspelt option": ("timestamps()", "timestamp()", "`timestamp` is not known in options; did you mean `timestamps`?"),
    "a misspelt argument": ("defaultValue: 'pipeline'", "default: 'pipeline'", "parameter has no `default`; did you mean `defaultValue`?"),
    "an unknown variable": ('"ci-${BUILD_NUMBER}"', '"ci-${BUILD_NUMER}"', "`BUILD_NUMER` is not known in environment"),
    "an environment by another name": ("ENV_NAME = ", "env-name = ", "line 17: "),
    "teardown only on success": ("always { sh 'make env-down' }", "success { sh 'make env-down' }", "does not begin with `make env-down`"),
    "teardown as a last stage": ("always { sh 'make env-down' }", "always { sh 'make lint' }", "does not begin with `make env-down`"),
    "no teardown": ("    post {\n        always { sh 'make env-down' }\n    }\n", "", "does not begin with `make env-down`"),
    "teardown after something that may fail": ("always { sh 'make env-down' }", "always { sh 'make lint'; sh 'make env-down' }", "does not begin with `make env-down`"),
    "a shell typo": ("sh 'make lint'", "sh 'maek lint'", "line 22: sh 'maek lint' is not `make target [NAME=value]`"),
    "a target that is not there": ("sh 'make lint'", "sh 'make lnit'", "the Makefile has no target `lnit`"),
    "a shell script in the Jenkinsfile": ("sh 'make lint'", "sh 'make lint || true'", "is not `make target [NAME=value]`"),
    "a failure that is let pass": ("sh 'make lint'", "sh script: 'make lint', returnStatus: true", "sh has no `returnStatus`"),
    "a report that nothing writes": ("junit 'reports/e2e.xml'", "junit 'reports/e3e.xml'", "nothing in Makefile or bin/ writes reports/e3e.xml"),
    "a report that is read only when all went well": ("post { always { junit 'reports/e2e.xml' } }", "post { success { junit 'reports/e2e.xml' } }", "junit stands outside of `post { always { } }`"),
    "a brace too few": ("steps { sh 'make lint' }", "steps { sh 'make lint' ", "line 46: expecting '}'"),
    "a quote too few": ("sh 'make lint'", "sh 'make lint", "line 22: expecting "),
    "a condition in the open": ("steps { sh 'make lint' }", "steps { if (true) { sh 'make lint' } }", "line 22: only sections and steps may stand here"),
    "something beside the pipeline": ("pipeline {", "def more = 1\npipeline {", "only `pipeline { }` may stand here"),
    "a second pipeline": ("pipeline {", "pipeline { }\npipeline {", "there is a second `pipeline { }`"),
    "nothing that is a pipeline": ("pipeline {", "pipelines {", "only `pipeline { }` may stand here"),
}  # fmt: skip


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What the harness says of each fault: one run for all, since a JVM takes a second to start."""
    checkout = Checkout(tmp_path_factory.mktemp("checkout"))
    sound = checkout.jenkinsfile.read_text()
    paths = {name: f"jenkins/{number}" for number, name in enumerate(FAULTS)}
    for name, (old, new, _) in FAULTS.items():
        assert old in sound, name
        (checkout.folder / paths[name]).write_text(sound.replace(old, new, 1))
    done = checkout.run("--check", *paths.values())
    assert done.code == 2
    assert "Exception" not in done.output
    assert done.calls == []
    lines = [line.split(": ", 1) for line in done.output.splitlines()]
    return {name: [text for where, text in lines if where == path] for name, path in paths.items()}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named(checked: dict[str, list[str]], name: str) -> None:
    said = FAULTS[name][2]
    assert any(said in line for line in checked[name]), checked[name]


def test_a_jenkinsfile_with_a_fault_is_not_run(checkout: Checkout) -> None:
    checkout.edit("always { sh 'make env-down' }", "success { sh 'make env-down' }")
    done = checkout.run()
    assert done.code == 2
    assert done.calls == []


def test_ours_has_none(checkout: Checkout) -> None:
    done = checkout.check()
    assert (done.code, done.output) == (0, "jenkins/Jenkinsfile: sound, 5 stages\n")
    assert done.calls == []


def test_all_faults_are_named_at_once(checkout: Checkout) -> None:
    checkout.edit("sh 'make lint'", "hs 'make lint'")
    checkout.edit("timestamps()", "timestamp()")
    assert len(checkout.check().output.splitlines()) > 2


def test_misuse_of_the_harness_is_named(checkout: Checkout) -> None:
    for arguments in (["--chekc"], ["a", "b"], ["nothing/here"]):
        done = checkout.run(*arguments)
        assert done.code == 2
        assert len(done.output.splitlines()) == 1
