"""Settings that are wrong stop the start with one line that names the variable."""

import pytest

from provisioner.errors import SettingsError
from provisioner.settings import from_environment


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


def test_the_database_url_may_come_from_a_file_and_is_not_shown(tmp_path):
    (tmp_path / "url").write_text("postgres://u:secret@127.0.0.1/p\n")
    settings = from_environment({"PROVISIONER_DATABASE_URL_FILE": str(tmp_path / "url")})
    assert settings.database_url == "postgresql+psycopg2://u:secret@127.0.0.1/p"
    assert "secret" not in repr(settings)
