"""What the program of the role media_sync decides by itself; csync2 and inotify are met in tests/hosts."""

import importlib.util
import json
import sqlite3
import ssl
import subprocess
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "ansible/roles/media_sync/files/firstbell-media-sync.py"


@pytest.fixture
def program(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("media_sync", PROGRAM)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "DATABASES", tmp_path)
    monkeypatch.setattr(module, "PEERS", tmp_path / "peers.json")
    database = sqlite3.connect(tmp_path / "host1.db3")
    database.execute("create table file (filename, checktxt)")
    database.execute("create table dirty (filename, forced, myname, peername)")
    database.execute("create table x509_cert (peername, certdata)")
    database.commit()
    module.database = database
    return module


def test_what_a_host_has_lost_is_not_deleted_on_the_others(program, tmp_path, capsys):
    (tmp_path / "kept").touch()
    for name in ("kept", "lost"):
        program.database.execute("insert into file values (?, '')", (str(tmp_path / name),))
        program.database.execute(
            "insert into dirty values (?, 0, 'a', 'b')", (str(tmp_path / name),)
        )
    program.database.commit()
    program.forget_lost("host1")
    for table in ("file", "dirty"):
        (rows,) = [program.database.execute(f"select filename from {table}").fetchall()]
        assert rows == [(str(tmp_path / "kept"),)]
    assert "media lost files=1" in capsys.readouterr().out


def test_peers_are_known_by_the_certificates_that_the_play_made(program, tmp_path, monkeypatch):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-subj", "/CN=host2", "-keyout", tmp_path / "key", "-out", tmp_path / "pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    pem = (tmp_path / "pem").read_text()
    program.PEERS.write_text(json.dumps({"10.0.0.2": pem}))
    program.database.execute("insert into x509_cert values ('10.0.0.2', 'shown first by somebody')")
    program.database.commit()
    monkeypatch.setattr(program, "csync2", lambda *_: None)
    program.pin("host1")
    wanted = ssl.PEM_cert_to_DER_cert(pem).hex().upper()
    assert program.database.execute("select * from x509_cert").fetchall() == [("10.0.0.2", wanted)]


@pytest.mark.parametrize(("code", "state"), [(0, "level"), (1, "behind")])
def test_only_a_change_of_state_is_logged(program, monkeypatch, capsys, code, state):
    done = subprocess.CompletedProcess([], code, "", "ERROR: no way there\n" if code else "")
    monkeypatch.setattr(program, "csync2", lambda *_: done)
    assert program.carry("host1", "starting") == state
    assert f"media starting→{state}" in capsys.readouterr().out
    assert program.carry("host1", state) == state
    assert capsys.readouterr().out == ""
