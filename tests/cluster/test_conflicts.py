"""What people lost to a conflict is listed with who and where, and can be written again."""

import json

import pytest
from click.testing import CliRunner

from cluster.cli import Files, main
from cluster.commands.conflicts import conflicts as command
from cluster.conflicts import Lost, gather, restore, show
from cluster.errors import ClusterError
from tests.cluster.test_mesh import apart, log_name, person, together  # noqa: F401 - a fixture among them
from tests.support.nodes import CREDENTIALS, Nodes


def write(mesh: Nodes, node: int, who: str, statement: str) -> None:
    """As somebody who is signed in."""
    mesh.sql(node, "select set_config('mesh.actor', %s, false)", who)
    mesh.sql(node, statement)
    mesh.sql(node, "select set_config('mesh.actor', '', false)")


def lost(mesh: Nodes) -> list[Lost]:
    name = log_name(mesh)
    return [one for one in gather(mesh.topology, CREDENTIALS, 1000)[0] if one.table == name]


def again(mesh: Nodes, identity: str, **options):
    done = restore(mesh.topology, CREDENTIALS, identity, **options)
    mesh.level()
    return done


@pytest.fixture
def overwritten(mesh: Nodes, person):  # noqa: F811
    """Ada's room and code were written on node 3 and lost, by a moment, to what Bob wrote on node 2."""
    mesh.sql(1, "insert into person (id, name, room, code) values (1, 'ada', '12', 'a')")
    mesh.level()
    apart(mesh)
    write(mesh, 3, "ada", "update person set room = '13', code = 'b' where id = 1")
    write(mesh, 2, "bob", "update person set room = '14' where id = 1")
    together(mesh)
    (one,) = lost(mesh)
    return one


def test_the_list_says_what_lost_to_what_by_whom_when_and_where(mesh, overwritten):
    assert overwritten.what == "an update lost to an update"
    assert overwritten.lost == {"room": "13", "code": "b"}
    assert overwritten.won == {"room": "14"}
    assert (overwritten.lost_actor, overwritten.lost_host) == ("ada", "host3")
    assert (overwritten.won_actor, overwritten.won_host) == ("bob", "host2")
    assert str(overwritten.lost_at) < str(overwritten.won_at)
    assert set(overwritten.hosts) <= {"host1", "host2", "host3"}
    one, now = show(mesh.topology, CREDENTIALS, overwritten.id)
    assert one.id == overwritten.id
    assert now is not None
    assert (now["room"], now["code"]) == ("14", "b")


def test_lost_values_are_written_again_everywhere_and_a_second_time_nothing_is(mesh, overwritten):
    rehearsed = again(mesh, overwritten.id, dry_run=True)
    assert rehearsed.then["room"] == "13"
    assert mesh.sql(1, "select room from person") == [("14",)]
    assert again(mesh, overwritten.id).statement == rehearsed.statement
    assert mesh.sql(1, "select room, code from person") == [("13", "b")]
    mesh.assert_equal("person")
    assert again(mesh, overwritten.id).statement is None
    who = mesh.admin(
        1, "select actor from mesh.change where tbl = %s order by hlc desc limit 1", log_name(mesh)
    )
    assert "@" in who[0][0]


def test_only_chosen_columns_or_other_values_can_be_restored(mesh, overwritten):
    assert again(mesh, overwritten.id, columns=["code"]).statement is None  # it was not lost
    again(mesh, overwritten.id, columns=["room"], given={"name": "Ada L."})
    assert mesh.sql(2, "select name, room, code from person") == [("Ada L.", "13", "b")]
    with pytest.raises(ClusterError, match="has no column colour"):
        again(mesh, overwritten.id, given={"colour": "red"})


def test_a_row_that_was_changed_since_is_left_alone_unless_told(mesh, overwritten):
    mesh.sql(1, "update person set room = '15' where id = 1")
    mesh.level()
    with pytest.raises(ClusterError, match=r"the row was changed again at .* UTC"):
        again(mesh, overwritten.id)
    assert mesh.sql(1, "select room from person") == [("15",)]
    again(mesh, overwritten.id, anyway=True)
    assert mesh.sql(1, "select room from person") == [("13",)]


def test_an_update_that_lost_to_a_delete_brings_the_whole_row_back(mesh, person):  # noqa: F811
    mesh.sql(1, "insert into person (id, name, mail) values (1, 'ada', 'a@b')")
    mesh.level()
    apart(mesh)
    write(mesh, 3, "ada", "update person set room = '13' where id = 1")
    write(mesh, 2, "bob", "delete from person where id = 1")
    together(mesh)
    assert mesh.sql(1, "select 1 from person") == []
    (one,) = lost(mesh)
    assert (one.what, one.won_actor) == ("an update lost to a delete", "bob")
    again(mesh, one.id)
    assert mesh.sql(3, "select name, mail, room from person") == [("ada", "a@b", "13")]
    mesh.assert_equal("person")
    assert again(mesh, one.id).statement is None


def test_a_field_is_listed_also_when_the_other_wrote_another_field_in_between(mesh, person):  # noqa: F811
    mesh.sql(1, "insert into person (id, name, room) values (1, 'ada', '12')")
    mesh.level()
    apart(mesh)
    write(mesh, 1, "ada", "update person set room = '13' where id = 1")
    write(mesh, 2, "bob", "update person set code = 'b' where id = 1")
    write(mesh, 2, "bob", "update person set room = '14' where id = 1")
    together(mesh)
    (one,) = lost(mesh)
    assert (one.lost, one.lost_actor, one.won) == ({"room": "13"}, "ada", {"room": "14"})


def test_an_update_that_came_after_a_delete_elsewhere_is_listed_and_brings_the_row_back(
    mesh,
    person,  # noqa: F811
):
    mesh.sql(1, "insert into person (id, name, mail) values (1, 'ada', 'a@b')")
    mesh.level()
    apart(mesh)
    write(mesh, 2, "bob", "delete from person where id = 1")
    write(mesh, 3, "ada", "update person set room = '13' where id = 1")
    together(mesh)
    assert mesh.sql(1, "select 1 from person") == []
    (one,) = lost(mesh)
    assert (one.what, one.lost_actor, one.won_actor) == ("an update lost to a delete", "ada", "bob")
    again(mesh, one.id)
    assert mesh.sql(3, "select name, mail, room from person") == [("ada", "a@b", "13")]
    mesh.assert_equal("person")


def test_what_a_truncate_took_that_its_writer_had_not_seen_is_listed(mesh, person):  # noqa: F811
    mesh.sql(1, "insert into person (id, name) values (1, 'ada')")
    mesh.level()
    apart(mesh)
    write(mesh, 3, "ada", "insert into person (id, name) values (2, 'eve')")
    write(mesh, 2, "bob", "truncate person")
    together(mesh)
    assert mesh.sql(1, "select 1 from person") == []
    (one,) = lost(mesh)
    assert (one.what, one.key, one.lost_actor) == ("an insert lost to a truncate", "2", "ada")
    again(mesh, one.id)
    assert mesh.sql(3, "select name from person") == [("eve",)]
    mesh.assert_equal("person")


def test_of_two_people_with_one_address_the_other_comes_back_under_another(mesh, person):  # noqa: F811
    apart(mesh)
    write(
        mesh, 1, "ada", "insert into person (id, name, mail, room) values (101, 'ada', 'a@b', '1')"
    )
    write(mesh, 2, "bob", "insert into person (id, name, mail) values (102, 'bob', 'a@b')")
    together(mesh)
    (one,) = lost(mesh)
    assert (one.what, one.lost_actor, one.detail) == (
        "another row holds a unique value",
        "ada",
        "person_mail_key",
    )
    assert one.hosts == ["host1", "host2", "host3"]
    with pytest.raises(ClusterError, match=r"Give another value: --set COLUMN=VALUE"):
        again(mesh, one.id)
    again(mesh, one.id, given={"mail": "ada@b"})
    assert mesh.sql(3, "select name, mail, room from person where id = 101") == [
        ("ada", "ada@b", "1")
    ]
    assert mesh.sql(3, "select name, mail from person where id = 102") == [("bob", "a@b")]
    mesh.assert_equal("person")
    assert mesh.parked(2) == []
    with pytest.raises(ClusterError, match="no longer waits"):
        again(mesh, one.id, given={"mail": "ada@b"})


def test_the_app_may_restore_what_its_role_may_write_and_nothing_else(mesh, overwritten):
    sql = "select mesh.restore_lost(%s, null, '{}', false)"
    assert mesh.sql(int(overwritten.hosts[0][-1]), sql, overwritten.id) == [(True,)]
    mesh.level()
    assert mesh.sql(1, "select room from person") == [("13",)]
    mesh.assert_equal("person")


def test_commands_list_show_and_restore_with_exit_codes(mesh, overwritten):
    files = Files(mesh.folder / "cluster.toml")
    files.passwords = CREDENTIALS

    def run(*arguments: str):
        return CliRunner().invoke(command, list(arguments), obj=files)

    for arguments in (["--json"], ["list", "--json"]):
        assert overwritten.id in [one["id"] for one in json.loads(run(*arguments).output)]
    assert f"{overwritten.id}  " in run().output
    assert "room: lost '13', won '14', now '14'" in run("show", overwritten.id).output
    assert run("show", "9:9").exit_code == 1
    assert run("restore", overwritten.id, "--set", "nonsense").exit_code == 2
    assert "would write on" in run("restore", overwritten.id, "--dry-run").output
    assert run("restore", overwritten.id).exit_code == 0
    assert "nothing to do" in run("restore", overwritten.id).output
    mesh.level()
    assert mesh.sql(3, "select room from person") == [("13",)]
    assert command is main.commands["conflicts"]
