"""Settings that are wrong stop the start with one line that names the variable."""

import os
import subprocess
import sys

import pytest

from provisioner.errors import SettingsError
from provisioner.settings import from_environment
from tests.provisioner.office import REPOSITORY


def test_defaults_are_safe():
    settings = from_environment({})
    assert settings.bind == "127.0.0.1"
    assert settings.url == "http://127.0.0.1:8500"
    assert settings.secure is False
    assert settings.database_url.startswith("sqlite:////var/lib/firstbell-provisioner/")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PROVISIONER_PORT", "0", "expected a number from 1 to 65535"),
        ("PROVISIONER_URL", "http://env.example.org", "without https tokens would cross"),
        ("PROVISIONER_URL", "env.example.org", "expected one like https://env.example.org"),
        ("PROVISIONER_ANSIBLE", "/nowhere", "expected a folder with providers/ in it"),
        ("PROVISIONER_DATABASE_URL", "mysql://x", "neither a postgres:// nor a sqlite:/// URL"),
        ("PROVISIONER_DATABASE_URL_FILE", "/nowhere", "can't read /nowhere"),
        ("PROVISIONER_MAX_TTL_HOURS", "long", "expected a number"),
        ("PROVISIONER_MAX_TTL_HOURS", "0", "expected more than 0"),
    ],
)
def test_a_wrong_setting_is_named(name, value, message):
    with pytest.raises(SettingsError) as caught:
        from_environment({name: value})
    assert str(caught.value).startswith(name)
    assert message in str(caught.value)


def test_a_wrong_setting_is_misuse_and_the_first_token_comes_from_a_command(tmp_path):
    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "provisioner", *arguments], cwd=REPOSITORY, text=True,
            env={**os.environ, "PROVISIONER_STATE": str(tmp_path / "state"), **settings},
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip

    done = run("serve", PROVISIONER_PORT="x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("Error: PROVISIONER_PORT is 'x', expected")
    done = run("token", "olga", "--role", "operator", "--if-none")
    assert done.stdout.startswith("fbp_")
    assert run("token", "olga", "--role", "operator", "--if-none").stdout == ""
    assert run("token", "No Name").stderr.startswith("Error: name: 'No Name' can't be a name.")
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0


def test_the_database_url_may_come_from_a_file_and_is_not_shown(tmp_path):
    (tmp_path / "url").write_text("postgres://u:secret@127.0.0.1/p\n")
    settings = from_environment({"PROVISIONER_DATABASE_URL_FILE": str(tmp_path / "url")})
    assert settings.database_url == "postgresql+psycopg2://u:secret@127.0.0.1/p"
    assert "secret" not in repr(settings)
