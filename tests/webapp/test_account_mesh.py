"""Accounts on a real mesh of two nodes, with an API and a mail sender on each: links of one host on the other, two hosts
at the same instant, a host that dies with mail in its outbox."""

import re
import threading
from collections.abc import Iterator

import pytest

from tests.support.hosts import Hosts
from tests.support.mailbox import Mailbox, Taken
from tests.support.nodes import running_mesh
from tests.webapp.support import Client, manage, uuid7, wait_for

ADA = "ada@school.example"
NEW = "a chalk-dust password"


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as found:
        yield found


@pytest.fixture(scope="module")
def hosts(mailbox: Mailbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    with running_mesh(2) as mesh:
        found = Hosts(mesh, tmp_path_factory.mktemp("hosts"), [mailbox.url])
        found.start()
        yield found
        found.stop()


def mail_to(mailbox: Mailbox, address: str) -> Taken:
    return wait_for(lambda: mailbox.to(address), f"a mail to {address}")[0]


def link(mail: Taken) -> list[str]:
    found = re.search(r"/#/(\S+)", mail.text)
    assert found
    return found[1].split("/")


def test_a_device_signed_out_on_one_host_is_nobody_on_the_other(hosts: Hosts) -> None:
    lost, lost_there = hosts.both(1)
    here, _ = hosts.both(2)
    (which,) = [one["id"] for one in here.get("sign-ins").json()["results"] if not one["current"]]
    assert here.delete(f"sign-ins/{which}").status_code == 204
    hosts.mesh.level()
    assert [lost.get("lessons").status_code, lost_there.get("lessons").status_code] == [401, 401]


def test_a_session_that_a_host_saved_after_it_was_ended_elsewhere_stays_ended(hosts: Hosts) -> None:
    lost, lost_there = hosts.both(1)
    here, _ = hosts.both(2)
    (which,) = [one["id"] for one in here.get("sign-ins").json()["results"] if not one["current"]][
        :1
    ]
    hosts.mesh.cut(1, 2)
    assert here.delete(f"sign-ins/{which}").status_code == 204
    # Host 1 knows nothing of it yet, and writes the very session anew.
    code = (
        "from django.contrib.sessions.backends.db import SessionStore as S;"
        f"s = S('{lost.session.cookies['firstbell_session']}'); s['seen'] = 1; s.save()"
    )
    done = manage(hosts.apis[1].env, "shell", "--no-imports", "-c", code)
    assert done.returncode == 0, done.stderr
    assert lost.get("lessons").status_code == 200
    hosts.mesh.heal(1, 2)
    hosts.mesh.level()
    assert [lost.get("lessons").status_code, lost_there.get("lessons").status_code] == [401, 401]


def test_an_invitation_that_is_accepted_on_two_hosts_at_the_same_instant_makes_one_account(
    hosts: Hosts, mailbox: Mailbox
) -> None:
    here, _ = hosts.both(1)
    email = "nora@school.example"
    assert here.put(f"invitations/{uuid7()}", {"email": email}).status_code == 201
    _, key, secret = link(mail_to(mailbox, email))
    hosts.mesh.level()
    hosts.mesh.cut(1, 2)
    hosts.mesh.cut(2, 1)
    bearer, codes = {"Authorization": f"Bearer {secret}"}, {}

    def accept(node: int) -> None:
        body = {
            "username": "nora",
            "first_name": "Nora",
            "last_name": f"Of-{node}",
            "password": NEW,
        }
        answer = Client(hosts.apis[node]).put(f"invitations/{key}/account", body, headers=bearer)
        codes[node] = answer.status_code

    threads = [threading.Thread(target=accept, args=[node]) for node in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    hosts.mesh.heal(1, 2)
    hosts.mesh.heal(2, 1)
    hosts.mesh.level()
    assert codes == {1: 201, 2: 201}
    found = hosts.mesh.rows("accounts_user")
    noras = {node: [r for r in rows if "nora" in str(r)] for node, rows in found.items()}
    assert len(noras[1]) == 1
    assert noras[1] == noras[2]
    assert hosts.mesh.admin(1, "select count(*) from mesh.parked where reason <> 'recheck'") == [
        (0,)
    ]
    for node in (1, 2):
        assert Client(hosts.apis[node]).sign_in("nora", NEW).status_code == 200


def test_a_reset_link_is_good_on_every_host_once(hosts: Hosts, mailbox: Mailbox) -> None:
    email = {"email": ADA}
    assert Client(hosts.apis[1]).put(f"password-resets/{uuid7()}", email).status_code == 202
    _, user, token = link(mail_to(mailbox, ADA))
    body = {"user": user, "token": token, "password": NEW}
    assert Client(hosts.apis[2]).put("password", body).status_code == 200
    hosts.mesh.level()
    assert Client(hosts.apis[1]).put("password", body).status_code == 200, "repeated"
    again = Client(hosts.apis[1]).put("password", body | {"password": "another password"})
    assert again.status_code == 409
    code = (
        "from webapp.accounts.models import *; u = User.objects.get(username='ada');"
        "u.set_password('firstbell-demo'); u.save()"  # what the other tests sign in with
    )
    assert manage(hosts.apis[1].env, "shell", "--no-imports", "-c", code).returncode == 0
    hosts.mesh.level()


def test_a_letter_of_a_host_that_is_gone_is_sent_by_another_and_once_when_it_comes_back(
    hosts: Hosts, mailbox: Mailbox
) -> None:
    here, _ = hosts.both(1)
    email = "late@school.example"
    mailbox.behave("busy")  # what is promised waits in the outbox of host 1 ...
    assert here.put(f"invitations/{uuid7()}", {"email": email}).status_code == 201
    wait_for(
        lambda: email in manage(hosts.apis[1].env, "mail", "list").stdout, "it is in the outbox"
    )
    hosts.kill_sender(1)  # ... which dies
    mailbox.behave("well")
    first = mail_to(mailbox, email)
    wait_for(
        lambda: (
            hosts.mesh.admin(1, "select outcome from mail_letter where address = %s", email)
            == [("sent",)]
        ),
        "host 1's database knows",
    )
    hosts.start_sender(1)
    wait_for(
        lambda: email not in manage(hosts.apis[1].env, "mail", "list").stdout,
        "host 1 has given it up",
    )
    assert mailbox.copies(first.message_id) == 1
