"""Foreign keys, constraints that wait for the commit and exclusion constraints on three nodes."""

import psycopg2
import pytest

from tests.cluster.test_mesh import apart, together
from tests.support.nodes import Nodes, wait_until


@pytest.fixture
def school(mesh: Nodes):
    """Rooms that have a building, lessons in rooms, a folder in a folder."""
    for statement in (
        "create table building (id int primary key, code text unique)",
        "create table room (id int primary key, name text unique,"
        " building_id int references building deferrable initially deferred)",
        "create table lesson (id int primary key, title text, seat int unique deferrable initially deferred,"
        " room_id int references room deferrable initially deferred,"
        " building_code text references building (code) deferrable initially deferred)",
        "create table folder (id int primary key, name text unique, parent_id int references folder)",
    ):
        mesh.ddl(1, statement)
    mesh.level()
    yield
    for table in ("lesson", "room", "building", "folder"):
        mesh.ddl(1, f"drop table {table}")
    mesh.level()


ALL = ("building", "room", "lesson", "folder")


def test_a_child_of_a_parent_deleted_meanwhile_is_parked_and_comes_back_with_it(mesh, school):
    mesh.sql(1, "insert into building values (1)")
    mesh.sql(1, "insert into room values (1, 'aula', 1)")
    mesh.level()
    apart(mesh)
    mesh.sql(1, "delete from room")
    mesh.sql(2, "insert into lesson (id, title, room_id) values (7, 'kept', 1)")
    together(mesh)
    mesh.assert_equal(*ALL)
    assert mesh.sql(1, "select * from lesson") == []
    assert mesh.parked(3) == [("7", "orphan", "lesson_room_id_fkey")]
    mesh.sql(3, "insert into room values (1, 'aula', 1)")
    mesh.level()
    mesh.assert_equal(*ALL)
    assert mesh.sql(1, "select title, room_id from lesson") == [("kept", 1)]
    assert mesh.parked(3) == []


def test_what_hangs_on_a_parked_row_is_parked_with_it_and_placed_with_it(mesh, school):
    mesh.sql(1, "insert into building values (1)")
    mesh.level()
    apart(mesh)
    mesh.sql(1, "insert into room values (1, 'aula', 1)")
    mesh.sql(1, "insert into lesson (id, room_id) values (7, 1)")
    mesh.sql(2, "insert into room values (2, 'aula', 1)")
    together(mesh)
    mesh.assert_equal(*ALL)
    assert mesh.sql(3, "select id from room") == [(2,)]
    assert mesh.parked(3) == [
        ("1", "clash", "room_name_key"),
        ("7", "orphan", "lesson_room_id_fkey"),
    ]
    mesh.sql(2, "update room set name = 'gym' where id = 2")
    mesh.level()
    mesh.assert_equal(*ALL)
    assert mesh.sql(3, "select id, room_id from lesson") == [(7, 1)]


def test_a_child_that_arrives_before_its_parent_is_placed_in_the_same_moment_as_the_parent(
    mesh, school
):
    mesh.cut(3, 1)
    mesh.sql(1, "insert into room values (1, 'aula', null)")
    wait_until(lambda: mesh.sql(2, "select 1 from room"), what="node 2 has the room")
    mesh.sql(2, "insert into lesson (id, room_id) values (7, 1)")
    wait_until(
        lambda: mesh.parked(3) == [("7", "orphan", "lesson_room_id_fkey")],
        what="node 3 keeps the lesson",
    )
    mesh.heal(3, 1)
    wait_until(lambda: mesh.sql(3, "select 1 from room"), what="node 3 has the room")
    assert mesh.sql(3, "select id from lesson") == [(7,)]  # no sweep was needed
    assert mesh.parked(3) == []


def test_a_transaction_that_writes_the_child_first_arrives_whole(mesh, school):
    db = mesh.connect(1)
    with db, db.cursor() as cursor:
        cursor.execute("insert into lesson (id, room_id) values (7, 1)")
        cursor.execute("insert into room values (1, 'aula', null)")
    db.close()
    wait_until(lambda: mesh.sql(2, "select 1 from room"), what="node 2 has the room")
    assert mesh.sql(2, "select id from lesson") == [(7,)]


def test_a_reference_by_another_column_than_the_key_is_kept_too(mesh, school):
    mesh.sql(1, "insert into building values (1, 'N')")
    mesh.level()
    apart(mesh)
    mesh.sql(1, "update building set code = 'S'")
    mesh.sql(2, "insert into lesson (id, building_code) values (7, 'N')")
    together(mesh)
    mesh.assert_equal(*ALL)
    assert mesh.parked(3) == [("7", "orphan", "lesson_building_code_fkey")]
    mesh.sql(1, "update building set code = 'N'")
    mesh.level()
    mesh.assert_equal(*ALL)
    assert mesh.sql(2, "select id from lesson") == [(7,)]


def test_in_a_tree_a_parked_parent_keeps_its_children_and_a_dead_one_does_not(mesh, school):
    apart(mesh)
    mesh.sql(1, "insert into folder values (1, 'a', null), (2, 'child', 1)")
    mesh.sql(2, "insert into folder values (9, 'a', null)")
    together(mesh)
    mesh.assert_equal(*ALL)
    assert mesh.sql(3, "select id from folder order by 1") == [(2,), (9,)]
    assert mesh.parked(3) == [("1", "clash", "folder_name_key")]
    apart(mesh)
    mesh.sql(3, "delete from folder where id = 9")
    mesh.sql(2, "insert into folder values (10, 'grandchild', 9)")
    together(mesh)
    mesh.assert_equal(*ALL)
    assert mesh.sql(1, "select id from folder order by 1") == [(1,), (2,)]
    assert mesh.parked(3) == [("10", "orphan", "folder_parent_id_fkey")]


def test_a_swap_of_unique_values_that_wait_for_the_commit_reaches_all_nodes(mesh, school):
    mesh.sql(1, "insert into lesson (id, seat) values (1, 1), (2, 2), (3, 3)")
    mesh.sql(1, "update lesson set seat = seat % 3 + 1")
    mesh.level()
    mesh.assert_equal(*ALL)
    assert mesh.sql(3, "select id, seat from lesson order by 1") == [(1, 2), (2, 3), (3, 1)]


def test_a_deferrable_unique_value_taken_twice_parks_the_older_row_and_stalls_nobody(mesh, school):
    before = mesh.apply_errors()
    apart(mesh)
    mesh.sql(1, "insert into lesson (id, seat) values (1, 5)")
    mesh.sql(2, "insert into lesson (id, seat) values (2, 5)")
    together(mesh)
    mesh.assert_equal(*ALL)
    assert mesh.sql(1, "select id from lesson") == [(2,)]
    assert mesh.parked(3) == [("1", "clash", "lesson_seat_key")]
    assert mesh.apply_errors() == before


def test_of_two_rows_that_exclude_each_other_the_newer_stays_whatever_arrives_first(mesh):
    mesh.ddl(
        1,
        "create table booking (id int primary key, during int4range, exclude using gist (during with &&))",
    )
    mesh.level()
    apart(mesh)
    mesh.sql(1, "insert into booking values (1, '[1,5)')")
    mesh.sql(2, "insert into booking values (2, '[4,9)')")
    mesh.sql(3, "insert into booking values (3, '[8,12)')")
    together(mesh)
    mesh.assert_equal("booking")
    assert mesh.sql(1, "select id from booking order by 1") == [(1,), (3,)]
    assert mesh.parked(3) == [("2", "clash", "booking_during_excl")]
    mesh.ddl(1, "drop table booking")
    mesh.level()


def test_a_truncate_takes_a_row_that_was_updated_meanwhile_and_leaves_one_inserted_after_it(
    mesh, school
):
    mesh.sql(1, "insert into folder values (1, 'old', null)")
    mesh.level()
    apart(mesh)
    mesh.sql(1, "truncate folder")
    mesh.sql(2, "update folder set name = 'updated later' where id = 1")
    mesh.sql(2, "insert into folder values (2, 'inserted later', null)")
    together(mesh)
    mesh.assert_equal(*ALL)
    assert mesh.sql(2, "select id from folder") == [(2,)]


def test_an_insert_under_way_when_a_truncate_arrives_is_not_forgotten(mesh, school):
    late = mesh.connect(3)
    with late.cursor() as cursor:
        cursor.execute("insert into folder values (1, 'early, committed late', null)")
        mesh.sql(1, "insert into folder values (5, 'x', null)")
        mesh.sql(1, "truncate folder")
        wait_until(
            lambda: mesh.admin(3, "select 1 from mesh.parked where key = '*'"),
            what="node 3 has the truncate",
        )
        late.commit()
    late.close()
    mesh.level()
    mesh.assert_equal(*ALL)
    assert mesh.sql(3, "select * from folder") == []


def test_a_key_that_reads_like_a_truncate_is_only_a_key(mesh):
    mesh.ddl(1, "create table word (word text primary key, n int)")
    for word in ("*", "**", "", "a"):
        mesh.sql(1, "insert into word values (%s, 1)", word)
    mesh.level()
    mesh.sql(2, "update word set n = 2 where word = '*'")
    mesh.sql(2, "delete from word where word = '**'")
    mesh.level()
    mesh.assert_equal("word")
    assert mesh.sql(3, "select word, n from word order by 1") == [("", 1), ("*", 2), ("a", 1)]
    mesh.ddl(1, "drop table word")
    mesh.level()


def test_a_table_with_a_deferrable_primary_key_is_refused(mesh):
    with pytest.raises(
        psycopg2.errors.RaiseException, match=r"primary key of table public\.late is deferrable"
    ):
        mesh.ddl(1, "create table late (id int primary key deferrable)")


def test_rows_that_refer_to_one_another_and_to_nothing_are_parked_and_found_by_a_truncate(
    mesh, school
):
    db = mesh.connect(1)
    with db, db.cursor() as cursor:
        cursor.execute("set constraints all deferred")
        cursor.execute("insert into folder values (1, 'a', null)")
    db.close()
    mesh.level()
    apart(mesh)
    mesh.sql(1, "delete from folder")
    mesh.sql(2, "insert into folder values (2, 'b', 1)")
    mesh.sql(2, "update folder set parent_id = 1 where id = 2")
    together(mesh)
    mesh.assert_equal(*ALL)
    assert mesh.parked(3) == [("2", "orphan", "folder_parent_id_fkey")]
    before = mesh.apply_errors()
    mesh.sql(3, "truncate folder")
    mesh.level()
    mesh.assert_equal(*ALL)
    assert mesh.apply_errors() == before
    assert mesh.parked(3) == []


@pytest.mark.parametrize("when", ["initially deferred", "initially immediate"])
def test_a_value_that_somebody_writes_and_has_not_committed_yet_is_not_given_twice(mesh, when):
    mesh.ddl(1, f"create table seat (id int primary key, place int unique deferrable {when})")
    mesh.level()
    slow = mesh.connect(3)
    with slow.cursor() as cursor:
        cursor.execute("insert into seat values (2, 11)")
        mesh.sql(1, "insert into seat values (1, 11)")
        wait_until(
            lambda: mesh.admin(3, "select 1 from mesh.change where tbl = 'seat' and origin = 1"),
            what="node 3 has the other row",
        )
        slow.commit()  # Postgres looks only at what stood there when it wrote
    slow.close()
    mesh.level()
    mesh.assert_equal("seat")
    assert len(mesh.sql(3, "select id from seat where place = 11")) == 1
    mesh.admin(3, "reindex index seat_place_key")
    mesh.ddl(1, "drop table seat")
    mesh.level()
