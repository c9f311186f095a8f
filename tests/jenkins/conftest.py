"""Fixtures of the pipeline's tests.

- `checkout`: a folder like the repository's root, with the real Jenkinsfile, and a `make` that only notes
  what it was called for and fails when it is told to: see `Checkout`.
"""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HARNESS = ROOT / "jenkins/harness"
TOKEN = "a-token-nobody-may-see"

MAKE = """# Notes its call; a file named after the target says what else it does.
echo "$*" >>calls
echo "token=$ENVCTL_TOKEN"
if [ -e "do/$1" ]; then . "do/$1"; fi
"""
ENVCTL = """# A provisioner that knows one environment, in the file `there`.
echo "envctl $*" >>calls
case $1 in
    create) echo "$5" >there; echo "creating" >&2; sleep 0.2; echo '{"name": "'$5'"}'; [ ! -e do/fail ] ;;
    destroy) rm -f there; echo "$2 is gone" ;;
esac
"""
REPORT = '<testsuites><testsuite><testcase name="a"/><testcase name="b">{}</testcase></testsuite></testsuites>'


@dataclass
class Ran:
    """How a run of the harness ended, and what was made of it."""

    code: int
    output: str
    calls: list[str] = field(default_factory=list)


class Checkout:
    """Harness, Jenkinsfile, Makefile and bin/ of the repository; `make` is a script of this test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jenkinsfile = folder / "jenkins/Jenkinsfile"
        self.jenkinsfile.parent.mkdir()
        shutil.copy(ROOT / "jenkins/Jenkinsfile", self.jenkinsfile)
        shutil.copy(ROOT / "Makefile", folder / "Makefile")
        (folder / "jenkins/harness").symlink_to(HARNESS)
        shutil.copytree(ROOT / "bin", folder / "bin")
        self.program("bin/install", "exit 0")
        self.program("bin/envctl", ENVCTL)
        (folder / "do").mkdir()
        (folder / "tools").mkdir()
        self.program("tools/make", MAKE)
        self.when("unit", self.writes("reports/unit.xml"))
        self.when("e2e", self.writes("reports/e2e.xml"))
        self.when("build", "mkdir -p dist; touch dist/firstbell-1.tar.gz")

    def program(self, path: str, script: str) -> None:
        (self.folder / path).write_text("#!/bin/sh\n" + script)
        (self.folder / path).chmod(0o755)

    @staticmethod
    def writes(report: str, failure: str = "") -> str:
        return f"mkdir -p reports; echo '{REPORT.format(failure)}' >{report}"

    def when(self, target: str, script: str) -> None:
        """What `make target` does from now on."""
        (self.folder / "do" / target).write_text(script + "\n")

    def edit(self, old: str, new: str) -> None:
        """Seed a fault."""
        text = self.jenkinsfile.read_text()
        assert old in text
        self.jenkinsfile.write_text(text.replace(old, new, 1))

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        return self.start_program(str(HARNESS / "run"), *arguments, **environ)

    def start_program(self, *command: str, **environ: str) -> subprocess.Popen[str]:
        # As from a terminal, also when the tests run in the background, where a shell ignores Ctrl-C and can't learn not to.
        return subprocess.Popen(
            ["env", "--default-signal=INT", *command],
            cwd=self.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={
                "PATH": f"{self.folder / 'tools'}:{os.environ['PATH']}",
                "HOME": os.environ.get("HOME", "/"),
                "ENVCTL_TOKEN": TOKEN,
                **environ,
            },
        )

    def run(self, *arguments: str, **environ: str) -> Ran:
        return self.end(self.start(*arguments, **environ))

    def call(self, *command: str, **environ: str) -> Ran:
        """A script of bin/, in this folder."""
        return self.end(self.start_program(*command, **environ))

    def end(self, process: subprocess.Popen[str]) -> Ran:
        try:
            output, _ = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return Ran(process.returncode, output, self.calls())

    def check(self) -> Ran:
        return self.run("--check")

    def calls(self) -> list[str]:
        noted = self.folder / "calls"
        return noted.read_text().splitlines() if noted.exists() else []


def is_alive(pid: int) -> bool:
    """Runs, and is not only waiting to be buried by its parent."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().split()[2] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)
