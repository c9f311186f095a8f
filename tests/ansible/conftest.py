"""What the tests of the roles and of the archive share.

- `archive`: the release as `make build` makes it from this clone
"""

import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def archive() -> Path:
    done = subprocess.run(
        [REPOSITORY / "bin/build"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return REPOSITORY / done.stdout.splitlines()[-1]
