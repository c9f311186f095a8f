"""The state directory: reachable for Postgres, never shared by two clones, set aside whole."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from cluster.errors import ClusterError
from cluster.local import state

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs Postgres as another user")


@pytest.fixture
def shared_place(tmp_path_factory, monkeypatch):
    """Stands in for /var/lib/firstbell: every user can go there."""
    place = tmp_path_factory.mktemp("shared") / "firstbell"
    monkeypatch.setattr(state, "REACHABLE_BY_ALL", place)
    return place


@as_root
def test_state_that_postgres_cannot_reach_moves_and_leaves_a_symlink(
    tmp_path, shared_place, capsys
):
    clone = tmp_path / "clone"
    clone.mkdir(mode=0o700)
    (clone / ".run").mkdir()
    (clone / ".run/cluster.toml").write_text("kept")
    opened = state.open_state(clone / ".run")
    assert (clone / ".run").is_symlink()
    assert (clone / ".run").resolve().parent == shared_place
    assert opened.cluster_toml.read_text() == "kept"
    assert "can't be entered by the user postgres" in capsys.readouterr().out
    target = (clone / ".run").resolve()
    state.open_state(clone / ".run")
    assert (clone / ".run").resolve() == target


@as_root
def test_a_copied_clone_gets_a_state_of_its_own(tmp_path, shared_place):
    for name in ("first", "copy"):
        (tmp_path / name).mkdir(mode=0o700)
    state.open_state(tmp_path / "first/.run")
    (tmp_path / "copy/.run").symlink_to(os.readlink(tmp_path / "first/.run"))
    state.open_state(tmp_path / "copy/.run")
    assert (tmp_path / "copy/.run").resolve() != (tmp_path / "first/.run").resolve()


@as_root
def test_state_that_postgres_can_reach_stays_where_it_is(shared_place):
    folder = Path(tempfile.mkdtemp(prefix="firstbell-state-"))
    folder.chmod(0o755)
    opened = state.open_state(folder / "run")
    assert opened.root == folder / "run"
    assert not shared_place.exists()
    shutil.rmtree(folder)


def test_a_folder_name_that_configuration_files_cannot_hold_is_refused(tmp_path):
    with pytest.raises(ClusterError, match="has a character in its name"):
        state.open_state(tmp_path / 'a "b"')


def test_setting_aside_moves_everything_but_what_was_set_aside_before(tmp_path):
    kept = state.State(tmp_path)
    (tmp_path / "old/2hosts-before").mkdir(parents=True)
    (tmp_path / "hosts").mkdir()
    (tmp_path / "cluster.toml").write_text("three")
    place = state.set_aside(kept, 3)
    assert place.name.startswith("3hosts-")
    assert (place / "cluster.toml").read_text() == "three"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["old"]
    assert (tmp_path / "old/2hosts-before").is_dir()


def test_two_commands_on_one_state_exclude_each_other(tmp_path):
    kept = state.State(tmp_path)
    with (
        state.only_one_at_a_time(kept),
        pytest.raises(ClusterError, match="another command"),
        state.only_one_at_a_time(kept),
    ):
        pass
