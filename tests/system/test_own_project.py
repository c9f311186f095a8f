"""docs/operations/own-project.md: the mesh under somebody else's project. The page's own commands are run, in one shell.

Only its two ports are replaced by free ones. Each block of commands must succeed, and print what the page says it prints.
"""

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ports import free_port

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs/operations/own-project.md"
SECONDS = 240
ADDRESSES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")


@dataclass
class Block:
    """Some commands, and what they print; None: the page does not say."""

    commands: str
    printed: str | None = None


def blocks(page: str) -> list[Block]:
    found: list[Block] = []
    for kind, text in re.findall(r"^```(\w+)\n(.*?)^```$", page, re.M | re.S):
        if kind == "sh":
            found.append(Block(text))
        else:
            assert kind == "text", f"a block of {kind}, which nothing runs"
            assert found[-1].printed is None, "two outputs of one block"
            found[-1].printed = text
    return found


def prints(expected: str, found: str) -> bool:
    """Whether a text is as the page says: `…` is anything in a line, or any lines; how wide columns are does not matter."""
    lines = [
        r"(?:[^\n]*\n)*" if line == "…" else r"\s+".join(re.escape(word).replace("…", ".*?") for word in line.split()) + r" *\n"
        for line in expected.splitlines()
    ]  # fmt: skip
    return re.fullmatch("".join(lines), found.rstrip("\n") + "\n") is not None


@pytest.fixture
def home() -> Iterator[Path]:
    """The home folder of an ordinary user, with what a clone of this repository has of the rooms in it."""
    folder = Path(tempfile.mkdtemp(prefix="firstbell-own-"))
    folder.chmod(0o755)
    rooms = ("cluster", "realtime", "webapp", "pyproject.toml", "README.md")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *rooms],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        source, target = REPOSITORY / name, folder / "firstbell" / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", "postgres:", folder], check=True)
    yield folder
    for file in folder.glob("diary/node*/postmaster.pid"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(file.read_text().split()[0]), signal.SIGQUIT)
    for file in folder.glob("diary/host*.pid"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int(file.read_text()), signal.SIGKILL)
    subprocess.run(["rm", "-rf", folder], check=True)


def ordinary_user() -> dict:
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam("postgres")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def run(all_blocks: list[Block], home: Path) -> list[str]:
    """What each block printed. All run in one bash; the first command that fails ends it, and the test with it."""
    script = "set -e\n"
    for n, block in enumerate(all_blocks):
        script += f"exec > {home}/printed{n} 2> {home}/complained{n}\n{block.commands}"
    (home / "page.sh").write_text(script)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FIRSTBELL", "DJANGO", "PYTHON", "VIRTUAL_ENV", "PG"))
    }
    done = subprocess.run(
        ["bash", home / "page.sh"],
        env=kept | {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        cwd=home,
        stdin=subprocess.DEVNULL,
        timeout=SECONDS,
        check=False,
        **ordinary_user(),
    )
    last = max(int(file.name.removeprefix("printed")) for file in home.glob("printed*"))
    said = "".join((home / f"{what}{last}").read_text() for what in ("printed", "complained"))
    assert done.returncode == 0, f"{all_blocks[last].commands}\nended with {done.returncode}:\n{said}"  # fmt: skip
    return [(home / f"printed{n}").read_text() for n in range(len(all_blocks))]


@pytest.mark.timeout(SECONDS + 30)
def test_the_page_puts_the_mesh_under_a_project_of_somebody_else(home: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    postgres, application = free_port(), free_port()
    for number, free in (("5600", postgres), ("8600", application)):
        assert number in page
        page = page.replace(number, str(free))
    all_blocks = blocks(page)
    printed = run(all_blocks, home)
    for block, found in zip(all_blocks, printed, strict=True):
        if block.printed is not None:
            assert prints(block.printed, found), f"{block.commands}\nprinted\n{found}\nnot\n{block.printed}"  # fmt: skip
    assert sum(block.printed is not None for block in all_blocks) > 4


@pytest.mark.parametrize(
    ("expected", "found", "alike"),
    [
        ("a  b\n", "a b\n", True),
        ("a …\n", "a 1 2\n", True),
        ("a\n…\nb\n", "a\nx\ny\nb\n", True),
        ("a\n…\nb\n", "a\nb\n", True),
        ("a\n", "a\nb\n", False),
        ("a\nb\n", "a\n", False),
    ],
)
def test_what_is_printed_is_compared_line_by_line(expected, found, alike):
    assert prints(expected, found) is alike
