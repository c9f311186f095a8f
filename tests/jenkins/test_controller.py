"""What a controller is told: its configuration and the job fit the Jenkinsfile, and hold no secret."""

import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
JENKINSFILE = (ROOT / "jenkins/Jenkinsfile").read_text()
FROM_OUTSIDE = re.compile(r"^\$\{[A-Z_]+\}$")


@pytest.fixture(scope="module")
def casc() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "jenkins/casc.yml").read_text())


def entries(node: Any, name: str) -> Iterator[Any]:
    """All values under this key, however deep."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == name:
                yield value
            yield from entries(value, name)
    elif isinstance(node, list):
        for one in node:
            yield from entries(one, name)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> ET.Element:
    """The job as Jenkins Job Builder would send it to a controller."""
    made = tmp_path_factory.mktemp("jobs")
    done = subprocess.run(
        [
            ROOT / ".venv/bin/jenkins-jobs",
            "test",
            "--config-xml",
            "-o",
            made,
            ROOT / "jenkins/jobs",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in made.iterdir()] == ["firstbell"]
    return ET.parse(made / "firstbell/config.xml").getroot()


def test_the_job_runs_our_jenkinsfile(job: ET.Element) -> None:
    script = job.findtext("definition/scriptPath")
    assert script is not None
    assert (ROOT / script).is_file()


def test_the_credentials_that_are_used_are_those_that_are_there(
    casc: dict[str, Any], job: ET.Element
) -> None:
    used = set(re.findall(r"credentials\('([^']+)'\)", JENKINSFILE))
    used |= {found.text for found in job.iter("credentialsId") if found.text}
    used |= set(entries(casc["jenkins"], "credentialsId"))
    assert used == set(entries(casc["credentials"], "id"))


def test_an_agent_has_the_label_that_is_asked_for(casc: dict[str, Any]) -> None:
    [label] = re.findall(r"label '([^']+)'", JENKINSFILE)
    assert label in set(entries(casc["jenkins"]["nodes"], "labelString"))


def test_the_address_of_the_provisioner_reaches_every_build(casc: dict[str, Any]) -> None:
    assert "ENVCTL_URL" in set(entries(casc["jenkins"]["globalNodeProperties"], "key"))


@pytest.mark.parametrize("name", ["secret", "password", "privateKey"])
def test_secrets_come_from_outside(casc: dict[str, Any], name: str) -> None:
    found = list(entries(casc, name))
    assert found
    for value in found:
        assert FROM_OUTSIDE.match(value), name


def test_every_variable_of_the_configuration_is_explained(casc: dict[str, Any]) -> None:
    readme = (ROOT / "jenkins/README.md").read_text()
    for name in re.findall(r"\$\{([A-Z_]+)\}", (ROOT / "jenkins/casc.yml").read_text()):
        assert f"`{name}`" in readme, name
