"""Runs the repository's playbooks as an operator does, and tells what came of it."""

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ANSIBLE = REPOSITORY / "ansible"
REPORTS = REPOSITORY / "reports/hosts"
COUNT = int(os.environ.get("FIRSTBELL_HOSTS", "2"))
"""How many hosts these tests build; FIRSTBELL_HOSTS."""
RECAP = re.compile(
    r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE
)


@dataclass
class Run:
    """One run of a playbook. `changed` and `failed` count tasks on the hosts, without the controller's own."""

    seconds: float
    code: int
    output: str
    changed: dict[str, int] = field(default_factory=dict)


@dataclass
class Site:
    """An environment of bare hosts that site.yml built."""

    name: str
    folder: Path
    artifact: Path
    first: Run | None = None
    provider_name: str = "local-hosts"
    within: tuple[str, ...] = ()
    """What to run Ansible by, such as `ip netns exec …`."""
    extra: dict = field(default_factory=dict)

    @property
    def environment_file(self) -> Path:
        return self.folder / "environment.json"

    @property
    def private(self) -> Path:
        """Secrets and keys of the environment."""
        return self.folder / "private-env/private"

    @property
    def inventory(self) -> Path:
        return self.folder / "private-env/inventory.yml"

    def create(self, **variables: object) -> Run:
        """The provider's create.yml, as the provisioner runs it."""
        return self.provider("create", env_vars={"artifact": "built", "image": "", **variables})

    def destroy(self) -> Run:
        return self.provider("destroy", env_vars={})

    def provider(self, verb: str, **variables: object) -> Run:
        (self.folder / "private-env").mkdir(parents=True, exist_ok=True, mode=0o700)
        values = {
            "env_name": self.name,
            "env_dir": str(self.folder / "private-env"),
            "env_result": str(self.environment_file),
            "firstbell_artifact": str(self.artifact),
            **variables,
        }
        file = self.folder / "variables.json"
        file.write_text(json.dumps(values))
        playbook = f"providers/{self.provider_name}/{verb}.yml"
        return play(playbook, "-e", f"@{file}", within=self.within, **self.extra)

    def play(self, playbook: str, *arguments: str) -> Run:
        """A playbook on this environment's own inventory."""
        return play(
            playbook,
            *("-i", str(self.inventory), "-e", f"firstbell_artifact={self.artifact}"),
            *arguments,
        )


def play(
    playbook: str,
    *arguments: str,
    within: tuple[str, ...] = (),
    env: dict[str, str] | None = None,
) -> Run:
    """Run it to its end; what it says also goes to reports/hosts/."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    done = subprocess.run(
        [
            *within,
            Path(sys.executable).with_name("ansible-playbook"),
            ANSIBLE / playbook,
            *arguments,
        ],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            **(env or {}),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seconds = time.monotonic() - start
    stem = playbook.replace("/", "-").removesuffix(".yml")
    (REPORTS / f"{stem}-{time.strftime('%H%M%S')}.log").write_text(done.stdout)
    changed = {m[1]: int(m[3]) for m in RECAP.finditer(done.stdout) if m[1] != "localhost"}
    return Run(seconds, done.returncode, done.stdout, changed)


def build() -> Path:
    """The archive of what is in the clone now."""
    done = subprocess.run([REPOSITORY / "bin/build"], check=True, capture_output=True, text=True)
    return REPOSITORY / done.stdout.strip().splitlines()[-1]


def note(figure: str, value: float | str) -> None:
    """Keep a figure for the report; nothing is judged here."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    file = REPORTS / "figures.json"
    kept = json.loads(file.read_text()) if file.exists() else {}
    kept[f"{figure}, {COUNT} hosts"] = value
    file.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
