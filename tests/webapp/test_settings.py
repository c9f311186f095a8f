"""webapp/settings.py: environment only, safe defaults, one clear line when something is missing."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.webapp.support import ROOT, environment, manage
from webapp.environment import Environment, SettingError

URL = "postgres://firstbell@127.0.0.1:1/firstbell"
README = ROOT / "webapp" / "README.md"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(URL, tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("FIRSTBELL_SECRET_KEY", None, "FIRSTBELL_SECRET_KEY is not set"),
        ("FIRSTBELL_SECRET_KEY", "short", "at least 32"),
        ("FIRSTBELL_REALTIME_KEY", None, "FIRSTBELL_REALTIME_KEY is not set"),
        ("FIRSTBELL_DATABASE_URL", None, "FIRSTBELL_DATABASE_URL is not set"),
        ("FIRSTBELL_DATABASE_URL", "mysql://x/y", "postgres://"),
        ("FIRSTBELL_DATABASE_URL", "postgres://h:port/y", "port"),
        ("FIRSTBELL_NODE", "one", "whole number"),
        ("FIRSTBELL_NODE", None, "FIRSTBELL_NODE is not set"),
        ("FIRSTBELL_MEDIA_ROOT", None, "FIRSTBELL_MEDIA_ROOT is not set"),
        ("FIRSTBELL_PAGE_ORIGINS", "school.example", "origins like"),
        ("FIRSTBELL_COOKIE_SECURE", "perhaps", "neither true nor false"),
        ("FIRSTBELL_SECRET_KEY_FILE", "/nowhere/key", "cannot be read"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line_that_names_it(
    env: dict[str, str], name: str, value: str | None, said: str
) -> None:
    env.pop(name.removesuffix("_FILE"), None)
    if value is not None:
        env[name] = value
    done = manage(env, "check")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert name in done.stderr
    assert said in done.stderr


def test_gunicorn_does_not_start_without_its_secret(env: dict[str, str]) -> None:
    del env["FIRSTBELL_SECRET_KEY"]
    command = [sys.executable, "-m", "gunicorn", "-c", "webapp/gunicorn_conf.py"]
    done = subprocess.run(
        [*command, "--bind", "127.0.0.1:0"],
        env=env | {"PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "FIRSTBELL_SECRET_KEY is not set" in done.stderr
    assert "Traceback" not in done.stderr


def test_views_are_loaded_before_gunicorn_forks(env: dict[str, str]) -> None:
    code = "import sys, webapp.wsgi; print('webapp.lessons.views' in sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "True\n", done.stderr


def test_defaults_are_safe_for_production(env: dict[str, str]) -> None:
    del env["FIRSTBELL_COOKIE_SECURE"]
    code = "from django.conf import settings as s; print(s.DEBUG, s.SESSION_COOKIE_SECURE)"
    assert manage(env, "shell", "-v0", "-c", code).stdout.strip() == "False True"


def test_the_default_engine_is_the_mesh_and_has_its_middleware(env: dict[str, str]) -> None:
    del env["FIRSTBELL_DB_ENGINE"]
    code = (
        "from django.conf import settings as s; print(s.DATABASES['default']['ENGINE'],"
        " any('PositionMiddleware' in one for one in s.MIDDLEWARE))"
    )
    assert manage(env, "shell", "-v0", "-c", code).stdout.split() == ["webapp.multimaster", "True"]


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("k" * 40 + "\n")
    assert Environment({"KEY_FILE": str(file)}).secret("KEY") == "k" * 40
    file.write_text("")
    with pytest.raises(SettingError, match="empty"):
        Environment({"KEY_FILE": str(file)}).secret("KEY")


def test_passwords_in_database_urls_are_unquoted() -> None:
    url = "postgres://me:p%40ss%2Fw@127.0.0.1:15501/firstbell?sslmode=disable"
    found = Environment({"URL": url}).database("URL", "engine")
    assert (found["USER"], found["PASSWORD"], found["PORT"]) == ("me", "p@ss/w", "15501")
    assert found["OPTIONS"]["sslmode"] == "disable"


def test_every_setting_is_documented() -> None:
    text = "".join(
        (ROOT / "webapp" / name).read_text()
        for name in (
            "settings.py",
            "gunicorn_conf.py",
            "lessons/management/commands/seed_demo.py",
        )
    )
    names = set(re.findall(r'"(FIRSTBELL_[A-Z_]+)"', text))
    assert len(names) > 12
    assert {name for name in names if name not in README.read_text()} == set()
