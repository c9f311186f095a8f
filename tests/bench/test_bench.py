"""The benchmark in CI's form: it stands up what it compares, measures, and writes what people can read."""

import pytest

from bench import __main__ as bench
from bench.report import read
from tests.support.servers import has_pglogical


@pytest.mark.skipif(
    not has_pglogical(), reason="plain pglogical is not installed: bin/install-yardsticks"
)
def test_the_mesh_is_measured_beside_plain_postgres_and_plain_pglogical(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "FOLDER", tmp_path)
    monkeypatch.setenv("SHORT", "1")
    assert bench.main(["writes", "positions"]) == 0
    writes = read(tmp_path / "writes.json")
    assert len(writes.figures) == 12
    assert all(isinstance(f.value, float) and 0 < f.value < 10 for f in writes.figures)
    assert {"cores", "postgres", "pglogical", "seconds", "clients"} <= writes.conditions.keys()
    assert "mesh ÷ plain Postgres" in (tmp_path / "index.html").read_text()


def test_a_benchmark_that_does_not_exist_is_misuse(capsys: pytest.CaptureFixture[str]):
    assert bench.main(["speed"]) == 2
    assert "there are writes" in capsys.readouterr().err
