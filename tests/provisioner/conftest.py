"""Fixtures of the provisioner's tests.

- `office`: a running provisioner with all providers of this folder; shared, so each test names its own environments.
- `new_office`: makes one of a test's own, with its own settings; stopped at the test's end.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.provisioner.office import Office

PROVIDERS = ("quick", "slow", "fails", "never", "leaves")


@pytest.fixture(scope="session")
def office() -> Iterator[Office]:
    with tempfile.TemporaryDirectory(prefix="office-") as folder:
        made = Office(Path(folder), PROVIDERS, PROVISIONER_RETRY_SECONDS="1")
        try:
            made.start()
            yield made
        finally:
            made.stop()


@pytest.fixture
def new_office() -> Iterator[Callable[..., Office]]:
    made: list[Office] = []
    folders: list[tempfile.TemporaryDirectory[str]] = []

    def make(**arguments: object) -> Office:
        folders.append(tempfile.TemporaryDirectory(prefix="office-"))
        made.append(Office(Path(folders[-1].name), **arguments))  # type: ignore[arg-type]
        made[-1].start()
        return made[-1]

    try:
        yield make
    finally:
        for office in made:
            office.stop()
        for folder in folders:
            folder.cleanup()
