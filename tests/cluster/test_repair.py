"""`clusterctl repair`: rows that differ are made what the change log says, by row, and never behind somebody's back."""

import json

import pytest
from click.testing import CliRunner

from cluster.cli import Files
from cluster.commands.repair import repair as repair_command
from cluster.commands.verify import as_dict
from cluster.errors import ClusterError
from cluster.repair import repair
from tests.cluster.test_verify import found, log_name, look, pupils, tamper  # noqa: F401 - a fixture among them
from tests.support.nodes import CREDENTIALS, Nodes


@pytest.fixture
def pupil(mesh: Nodes, pupils) -> str:  # noqa: F811
    return log_name(mesh, pupils)


def mend(mesh: Nodes, keys: list[tuple[str, str]], **options):
    return repair(mesh.topology, CREDENTIALS, keys, **options)


def forget(mesh: Nodes, table: str) -> None:
    """As if the changes of a table had been pruned on all nodes."""
    for node in mesh.numbers:
        mesh.admin(node, "delete from mesh.change where tbl = %s", table)


def test_rows_become_what_the_log_says_whatever_most_nodes_hold(mesh, pupil):
    for node in (1, 2):
        tamper(mesh, node, "update pupil set name = 'forged' where id = 7")
    tamper(mesh, 3, "delete from pupil where id = 8")
    tamper(mesh, 1, "insert into pupil (id, name) values (9000, 'never written')")
    mesh.sql(1, "delete from pupil where id = 9")
    mesh.level()
    tamper(mesh, 2, "insert into pupil (id, name) values (9, 'deleted')")
    plan = [(pupil, key) for key in ("7", "8", "9", "9000")]
    assert found(look(mesh)) == sorted(plan)
    outcomes = {o.key: o for o in mend(mesh, plan)}
    assert {key: o.state for key, o in outcomes.items()} == dict.fromkeys(
        ("7", "8", "9", "9000"), "repaired"
    )
    assert outcomes["7"].hosts == ["host1", "host2"]
    assert outcomes["9000"].why == "2 of 3 nodes"  # the log never knew it
    assert {o.why for key, o in outcomes.items() if key != "9000"} == {"the change log"}
    assert look(mesh, full=True).well
    assert mesh.sql(1, "select name from pupil where id = 7") == [("name 7",)]
    assert mesh.sql(3, "select name from pupil where id = 8") == [("name 8",)]
    assert [o.state for o in mend(mesh, plan)] == ["equal"] * 4


def test_a_repair_is_written_down_and_is_no_change_in_the_log(mesh, pupil):
    before = mesh.admin(2, "select count(*) from mesh.change")
    tamper(mesh, 2, "update pupil set name = 'forged' where id = 7")
    mend(mesh, [(pupil, "7")])
    assert mesh.admin(2, "select count(*) from mesh.change") == before
    who, detail = mesh.admin(
        2, "select who, detail from mesh.audit where what = 'repair' order by at desc limit 1"
    )[0]
    assert "@" in who
    assert (detail["key"], detail["was"]["row"]["name"], detail["is"]["row"]["name"]) == (
        "7",
        "forged",
        "name 7",
    )
    assert f"table={pupil} key=7" in (mesh.folder / "n2.log").read_text()


def test_where_the_log_knows_no_more_the_majority_counts_and_else_the_operator(mesh, pupil):
    forget(mesh, pupil)
    tamper(mesh, 2, "update pupil set name = 'forged' where id = 7")
    for node in mesh.numbers:
        tamper(mesh, node, f"update pupil set name = 'version {node}' where id = 8")
    one, three = mend(mesh, [(pupil, "7"), (pupil, "8")])
    assert (one.state, one.why, one.hosts) == ("repaired", "2 of 3 nodes", ["host2"])
    assert (three.state, "say --from HOST" in three.why) == ("refused", True)
    (told,) = mend(mesh, [(pupil, "8")], source="host3")
    assert (told.state, told.why) == ("repaired", "host3, as told")
    assert mesh.sql(1, "select name from pupil where id = 8") == [("version 3",)]
    assert look(mesh).well


def test_an_update_that_is_still_in_the_log_is_kept_where_the_insert_is_not(mesh, pupil):
    forget(mesh, pupil)
    mesh.sql(1, "update pupil set mail = 'new' where id = 7")
    mesh.level()
    tamper(mesh, 2, "update pupil set mail = 'forged', name = 'forged' where id = 7")
    assert mend(mesh, [(pupil, "7")])[0].state == "repaired"
    assert mesh.sql(2, "select name, mail from pupil where id = 7") == [("name 7", "new")]
    assert look(mesh).well


def test_a_forged_unique_value_gives_its_owner_back_the_place(mesh, pupil):
    tamper(mesh, 2, "delete from pupil where id = 8; update pupil set mail = 'm8' where id = 7")
    report = look(mesh)
    assert found(report) == [(pupil, "7"), (pupil, "8")]
    assert {o.state for o in mend(mesh, found(report))} == {"repaired"}
    assert look(mesh).well
    assert mesh.sql(2, "select mail from pupil where id in (7, 8) order by id") == [
        ("m7",),
        ("m8",),
    ]


def test_a_dry_run_says_it_all_and_writes_nothing(mesh, pupil):
    tamper(mesh, 2, "update pupil set name = 'forged' where id = 7")
    (outcome,) = mend(mesh, [(pupil, "7")], dry_run=True)
    assert (outcome.state, outcome.hosts) == ("would be repaired", ["host2"])
    assert outcome.right is not None
    assert outcome.right["name"] == "name 7"
    assert found(look(mesh)) == [(pupil, "7")]
    mend(mesh, [(pupil, "7")])


def test_a_plan_is_refused_whole_when_one_of_its_rows_changed_since(mesh, pupil, tmp_path):
    tamper(mesh, 2, "update pupil set name = 'forged' where id in (7, 8)")
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(as_dict(look(mesh))))
    files = Files(mesh.folder / "cluster.toml")
    files.passwords = CREDENTIALS
    mesh.sql(1, "update pupil set mail = 'newer' where id = 8")
    mesh.level()
    refused = CliRunner().invoke(repair_command, ["--plan", str(plan)], obj=files)
    assert refused.exit_code == 1
    assert f"changed since the plan was made: {pupil} 8" in refused.output
    assert found(look(mesh)) == [(pupil, "7"), (pupil, "8")]
    plan.write_text(json.dumps(as_dict(look(mesh))))
    for expected in ("repaired", "equal"):
        done = CliRunner().invoke(repair_command, ["--plan", str(plan), "--json"], obj=files)
        assert done.exit_code == 0, done.output
        assert {o["state"] for o in json.loads(done.output)} == {expected}
    assert look(mesh).well


def test_misuse_is_told_in_one_line(mesh, pupil, tmp_path):
    files = Files(mesh.folder / "cluster.toml")
    files.passwords = CREDENTIALS
    broken = tmp_path / "no-plan.json"
    broken.write_text("[1, 2")
    for arguments in (["--plan", str(broken)], [], ["--table", pupil]):
        assert CliRunner().invoke(repair_command, arguments, obj=files).exit_code == 2
    with pytest.raises(ClusterError, match="no replicated table nonsense on host1, host2, host3"):
        mend(mesh, [("nonsense", "1")])
    with pytest.raises(ClusterError, match="repair was cut short: invalid input syntax"):
        mend(mesh, [(pupil, "no number")])
    with pytest.raises(ClusterError, match="no member is called host9"):
        mend(mesh, [(pupil, "1")], source="host9")


def test_nothing_is_repaired_while_a_node_lacks_changes(mesh, pupil, monkeypatch):
    monkeypatch.setattr("cluster.repair.WAIT_SECONDS", 0.3)
    tamper(mesh, 2, "update pupil set name = 'forged' where id = 7")
    mesh.cut(3, 1)
    mesh.sql(1, "insert into pupil (id) values (9001)")
    try:
        with pytest.raises(ClusterError, match="host3 lacks changes that host1 has"):
            mend(mesh, [(pupil, "7")])
    finally:
        mesh.heal(3, 1)
    mesh.level()
    assert found(look(mesh)) == [(pupil, "7")]
    mend(mesh, [(pupil, "7")])
