"""The benchmark in CI's form: it stands up what it compares, measures, and writes what people can read."""

import pytest

from bench import __main__ as bench
from bench import contestants, cores, relay
from bench.report import read
from tests.support.servers import has_pglogical


@pytest.mark.skipif(
    not has_pglogical(), reason="plain pglogical is not installed: bin/install-yardsticks"
)
def test_the_yardsticks_stand_up_and_what_is_measured_can_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "FOLDER", tmp_path)
    monkeypatch.setenv("SHORT", "1")
    assert bench.main(["positions"]) == 0
    report = read(tmp_path / "positions.json")
    assert len(report.figures) == 8
    assert all(isinstance(f.value, float) and f.value > 0 for f in report.figures)
    assert {"cores", "postgres", "pglogical", "seconds", "clients"} <= report.conditions.keys()
    assert "a wait on a peer" in (tmp_path / "index.html").read_text()


def test_the_comparison_of_nodes_is_timed_with_nothing_little_and_much_changed(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(bench, "FOLDER", tmp_path)
    monkeypatch.setenv("SHORT", "1")
    assert bench.main(["verify"]) == 0
    figures = {f.name: f.value for f in read(tmp_path / "verify.json").figures}
    of_all = "rows hashed, of 60,000"
    assert figures[f"first pass: {of_all}"] >= 60_000
    assert (
        figures[f"nothing changed: {of_all}"] < 10_000 < figures[f"rows all over changed: {of_all}"]
    )


def test_a_benchmark_that_does_not_exist_is_misuse(capsys: pytest.CaptureFixture[str]):
    assert bench.main(["speed"]) == 2
    assert "there are writes" in capsys.readouterr().err


def test_realtime_is_measured_without_a_mesh_and_who_is_missing_is_named(tmp_path, monkeypatch):
    """Whether or not somebody has installed the others here: CI's form measures without them."""
    monkeypatch.setattr(bench, "FOLDER", tmp_path)
    monkeypatch.setattr(bench, "standing", None)
    monkeypatch.setattr(contestants, "RIVALS", tmp_path / "rivals")
    monkeypatch.setenv("SHORT", "1")
    assert bench.main(["relay", "latency", "idle", "revival"]) == 0
    figures = {
        n: {f.name: f for f in read(tmp_path / f"{n}.json").figures} for n in bench.OF_REALTIME
    }
    assert figures["relay"]["Firstbell: relayed frames per second"].value > 0
    assert figures["relay"]["Firstbell: frames that never came, sockets lost, errors"].value == 0
    assert figures["latency"]["Firstbell: frames that never came"].value == 0
    assert figures["idle"]["of these, lost or told of an error"].value == 0
    assert figures["revival"]["40 boards: never live again"].value == 0
    missing = read(tmp_path / "relay.json").conditions["missing"]
    assert all(
        name in missing for name in (contestants.PUBSUB, contestants.TORNADO, contestants.AIOHTTP)
    )
    assert "not measured" in (tmp_path / "index.html").read_text()


@pytest.mark.parametrize(
    ("names", "needed"),
    [
        (["writes", "lag"], ["mesh"]),
        (["relay"], ["rivals"]),
        (["revival"], []),
        (["verify"], []),
        (["idle", "api"], ["mesh", "rivals"]),
    ],
)
def test_only_what_is_asked_for_is_installed(names: list[str], needed: list[str]):
    assert bench.stands(names) == needed


def test_goals_are_held_against_speed_and_cost_and_missed_when_somebody_is_missing():
    options = bench.Options(short=False)
    ours = {contestants.FIRSTBELL: [1.0]}
    figures = relay.against(contestants.TORNADO, 1.5, ours, ours, options)
    assert [(f.value, f.well) for f in figures] == [(None, False)] * 2
    theirs = ours | {contestants.TORNADO: [0.5]}
    figures = relay.against(contestants.TORNADO, 1.5, theirs, theirs, options)
    assert [(f.value, f.well) for f in figures] == [(2.0, True), (0.5, False)]


def test_a_limit_of_open_files_that_is_too_low_is_named(monkeypatch):
    monkeypatch.setattr("resource.getrlimit", lambda _: (1024, 4096))
    with pytest.raises(SystemExit, match="open files are needed and the hard limit is 4096"):
        cores.allow_files(9000)
