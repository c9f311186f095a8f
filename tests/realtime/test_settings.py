"""Settings: what is missing or wrong is named, and everything is documented."""

import subprocess
import sys
from pathlib import Path

import pytest

from realtime import settings
from realtime.errors import SettingsError
from tests.realtime.support import KEY, ROOT

GOOD = {
    "REALTIME_NODE": "2",
    "REALTIME_NAME": "host2",
    "REALTIME_PORT": "8202",
    "REALTIME_KEY": KEY,
    "REALTIME_ORIGINS": "http://localhost:8000, https://board.example",
    "REALTIME_DATABASE_URL": "postgres://u:p@127.0.0.1:15502/firstbell",
    "REALTIME_NATS_URL": "nats://127.0.0.1:8302",
}


def test_defaults_are_those_of_production() -> None:
    found = settings.from_environment(GOOD)
    assert (found.bind, found.backplane, found.drain_seconds) == ("127.0.0.1", "nats", 5.0)
    assert found.origins == {"http://localhost:8000", "https://board.example"}


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_variable_is_named(name: str) -> None:
    environ = {key: value for key, value in GOOD.items() if key != name}
    with pytest.raises(SettingsError, match=name):
        settings.from_environment(environ)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REALTIME_NODE", "0"),
        ("REALTIME_NODE", "16"),
        ("REALTIME_PORT", "http"),
        ("REALTIME_KEY", "short"),
        ("REALTIME_ORIGINS", "localhost:8000"),
        ("REALTIME_DATABASE_URL", "mysql://localhost"),
        ("REALTIME_BACKPLANE", "redis"),
        ("REALTIME_SYNC_SECONDS", "often"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        settings.from_environment({**GOOD, name: value})


def test_secrets_may_come_from_files_and_are_not_shown(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("k" * 40 + "\n")
    environ = {**GOOD, "REALTIME_KEY": "", "REALTIME_KEY_FILE": str(secret)}
    found = settings.from_environment(environ)
    assert found.key == "k" * 40
    assert found.key not in repr(found)
    assert "u:p@" not in repr(found)


def test_a_missing_secret_refuses_to_start_with_one_line_and_exit_2() -> None:
    environ = {key: value for key, value in GOOD.items() if key != "REALTIME_KEY"}
    done = subprocess.run(
        [sys.executable, "-m", "realtime"], env=environ, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "REALTIME_KEY is not set" in done.stderr


def test_every_setting_is_documented() -> None:
    source = (ROOT / "realtime/settings.py").read_text()
    readme = (ROOT / "realtime/README.md").read_text()
    names = {word for word in source.replace('"', " ").split() if word.startswith("REALTIME_")}
    assert len(names) > 10
    assert {name for name in names if name.strip("`.,") not in readme} == set()
