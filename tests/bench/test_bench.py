"""The benchmark in CI's form: it stands up what it compares, measures, and writes what people can read."""

import pytest

from bench import __main__ as bench
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


def test_a_benchmark_that_does_not_exist_is_misuse(capsys: pytest.CaptureFixture[str]):
    assert bench.main(["speed"]) == 2
    assert "there are writes" in capsys.readouterr().err
