"""webapp/mail: the outbox, the sender, and providers that misbehave. Real SMTP over loopback."""

import os
import signal
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.mailbox import Mailbox, Silence
from tests.webapp.support import ROOT, environment, manage, wait_for
from webapp.mail import providers, sender
from webapp.mail.outbox import Mail, Outbox
from webapp.mail.providers import Outcome, Result, SmtpProvider, provider
from webapp.mail.sender import RETRY_SECONDS, Busy, Sender, candidates, next_step

ME = "teacher@school.example"
TEXT = b"From: x@school.example\r\nMessage-ID: %s\r\n\r\nHello\r\n"


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox.sqlite3")


def put(outbox: Outbox, name: str = "<one@school.example>") -> str:
    assert outbox.add(name, ME, "no-reply@school.example", TEXT % name.encode())
    return name


@contextmanager
def sending(outbox: Outbox, *urls: str) -> Iterator[None]:
    """A sender at work on this outbox while the block lasts."""
    stop = threading.Event()
    worker = Sender(outbox, [provider(url) for url in urls])
    thread = threading.Thread(target=worker.run, args=[stop])
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def row(outbox: Outbox) -> dict[str, object]:
    (found,) = outbox.listed()
    return found


def is_sent(outbox: Outbox) -> bool:
    counts = outbox.counts()
    return counts.waiting == counts.dead == 0


# ---- the outbox


def test_a_mail_that_is_put_twice_is_kept_once(outbox: Outbox) -> None:
    name = put(outbox)
    assert not outbox.add(name, ME, "no-reply@school.example", b"")
    assert outbox.counts().waiting == 1


def test_the_text_of_a_sent_mail_is_not_kept(outbox: Outbox) -> None:
    put(outbox)
    (mail,) = outbox.due(time.time(), 9)
    assert b"Hello" in mail.content
    outbox.end(mail, "sent", "a")
    with closing(sqlite3.connect(outbox.path)) as db:
        assert db.execute("select content from mail").fetchall() == [(b"",)]
    assert outbox.ended_untold() == [(mail.message_id, "sent")]


def test_only_one_sender_works_on_an_outbox(outbox: Outbox) -> None:
    with sending(outbox):
        wait_for(sender.alive_file(outbox).exists, "the first sender at work")
        with pytest.raises(Busy):
            Sender(outbox, []).run(threading.Event())


# ---- what comes next


def waiting(**values: object) -> Mail:
    known = {"message_id": "<a@b>", "recipient": ME, "sender": "s", "content": b"", "queued_at": 0.0,
             "tries": 0, "doubt": "", "doubt_at": None}  # fmt: skip
    return Mail(**(known | values))  # type: ignore[arg-type]


def test_a_mail_that_all_providers_refuse_is_dead_at_once() -> None:
    refused = Result(Outcome.REFUSED, "550 no such user")
    assert next_step(waiting(), [("a", refused), ("b", refused)], 0).state == "dead"
    failed = Result(Outcome.FAILED, "timeout")
    assert next_step(waiting(), [("a", refused), ("b", failed)], 0).state == "waiting"


def test_a_mail_is_tried_a_bounded_number_of_times() -> None:
    failed = [("a", Result(Outcome.FAILED, "down"))]
    for tries, seconds in enumerate(RETRY_SECONDS):
        step = next_step(waiting(tries=tries), failed, 100)
        assert (step.state, step.at) == ("waiting", 100 + seconds)
    assert next_step(waiting(tries=len(RETRY_SECONDS)), failed, 100).state == "dead"


def test_a_mail_in_doubt_stays_with_the_provider_that_may_have_it_for_a_while() -> None:
    a, b = SmtpProvider("smtp+plain://a:25"), SmtpProvider("smtp+plain://b:25")
    mail = waiting(doubt=b.name, doubt_at=1000.0)
    assert candidates(mail, [a, b], {b.name: 9e9}, 1001) == [b]
    assert candidates(mail, [a, b], {}, 1001 + sender.DOUBT_SECONDS) == [a, b]
    assert candidates(waiting(), [a, b], {a.name: 2000}, 1001) == [b, a]


def test_a_no_after_a_doubt_leaves_the_doubt() -> None:
    mail = waiting(doubt="a", doubt_at=1.0)
    step = next_step(mail, [("a", Result(Outcome.REFUSED, "554"))], 2)
    assert (step.state, step.in_doubt) == ("waiting", True)


# ---- providers that misbehave


def test_a_mail_arrives_once_with_its_name(outbox: Outbox) -> None:
    with Mailbox() as mailbox, sending(outbox, mailbox.url):
        name = put(outbox)
        wait_for(lambda: is_sent(outbox), "sent")
        assert mailbox.copies(name) == 1
        assert mailbox.taken[0].text == "Hello\r\n"


def test_the_second_provider_is_asked_when_the_first_is_down(outbox: Outbox) -> None:
    with Mailbox() as down, Mailbox() as second:
        down.down()
        with sending(outbox, down.url, second.url):
            name = put(outbox)
            wait_for(lambda: is_sent(outbox), "sent")
            assert second.copies(name) == 1
            with closing(sqlite3.connect(outbox.path)) as db:
                assert db.execute("select tries from mail").fetchall() == [(1,)], "at once"


def test_a_slow_provider_is_given_several_mails_at_once(outbox: Outbox) -> None:
    with Mailbox("late-accept", seconds=1) as mailbox, sending(outbox, mailbox.url):
        for n in range(4):
            put(outbox, f"<{n}@school.example>")
        wait_for(lambda: is_sent(outbox), "all sent")
        assert mailbox.most_at_once == 4


def test_a_silent_provider_costs_a_bounded_wait_and_is_asked_last_for_a_while(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "COMMAND_SECONDS", 1)
    with Silence() as silent, Mailbox() as second, sending(outbox, silent.url, second.url):
        names = [put(outbox, f"<{n}@school.example>") for n in range(20)]
        wait_for(lambda: is_sent(outbox), "all sent")
        assert [second.copies(name) for name in names] == [1] * 20


def test_a_busy_provider_is_asked_again(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "RETRY_SECONDS", (0.1,) * 12)
    with Mailbox("busy", times=2) as mailbox, sending(outbox, mailbox.url):
        name = put(outbox)
        wait_for(lambda: mailbox.copies(name) == 1, "taken at last")
        wait_for(lambda: is_sent(outbox), "known to be sent")
        assert mailbox.tries == 3


def test_a_provider_that_hangs_up_after_its_yes_has_the_mail(outbox: Outbox) -> None:
    with Mailbox("accept-and-drop") as mailbox, sending(outbox, mailbox.url):
        name = put(outbox)
        wait_for(lambda: is_sent(outbox), "sent")
        assert mailbox.copies(name) == 1
        assert mailbox.tries == 1


def test_an_outbox_that_is_not_there_yet_is_made_once_by_whoever_comes_first(
    tmp_path: Path,
) -> None:
    def add(number: int, together: threading.Barrier, outbox: Outbox) -> bool:
        together.wait()
        return outbox.add(f"<{number}@x>", ME, ME, TEXT)

    with ThreadPoolExecutor(8) as pool:
        for turn in range(30):
            fresh, together = Outbox(tmp_path / f"outbox{turn}"), threading.Barrier(8)
            added = [pool.submit(add, number, together, fresh) for number in range(8)]
            assert all(one.result() for one in added)
            assert fresh.counts().waiting == 8


def test_an_outbox_that_can_not_be_written_to_is_told_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "outbox.sqlite3"
    with closing(sqlite3.connect(file)) as db:
        db.execute("create table something (n)")
    really = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda path, **more: really(f"file:{path}?mode=ro", uri=True, **more)
    )
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waits for what never comes"))
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        Outbox(file).counts()


@pytest.mark.parametrize(("manner", "copies"), [("drop", 1), ("keep-and-drop", 2)])
def test_a_mail_in_doubt_is_given_to_the_same_provider_under_the_same_name(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch, manner: str, copies: int
) -> None:
    monkeypatch.setattr(sender, "RETRY_SECONDS", (0.1,) * 12)
    with (
        Mailbox(manner, times=1) as first,
        Mailbox() as second,
        sending(outbox, first.url, second.url),
    ):
        name = put(outbox)
        wait_for(lambda: is_sent(outbox), "sent")
        assert first.copies(name) == copies
        assert second.taken == []


def test_a_refused_mail_is_dead_kept_and_can_be_tried_again(outbox: Outbox) -> None:
    with Mailbox("refuse", times=1) as mailbox, sending(outbox, mailbox.url):
        name = put(outbox)
        wait_for(lambda: outbox.counts().dead == 1, "dead")
        assert "554" in str(row(outbox)["error"])
        assert outbox.retry_dead() == 1
        wait_for(lambda: mailbox.copies(name) == 1, "taken after all")


def test_a_password_is_never_sent_over_a_line_that_is_not_encrypted() -> None:
    with pytest.raises(ValueError, match="in the clear"):
        provider("smtp+plain://user:secret@mail.example")
    with Mailbox() as mailbox:
        url = mailbox.url.replace("smtp+plain://", "smtp://user:secret@")
        result = provider(url).send(waiting(), lambda: None)
        assert result.outcome is Outcome.FAILED
        assert "STARTTLS" in result.text


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of `localhost`, with its key in the same file; trusted by nobody."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path,
         "-out", path.with_suffix(".crt"), "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


def test_a_provider_is_spoken_to_over_tls_with_the_password_and_only_if_its_certificate_is_trusted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "COMMAND_SECONDS", 2)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with Mailbox(tls=tls, login=("school", "p@ss")) as mailbox:
        mail = waiting(content=TEXT % b"<a@b>")
        url = f"smtp://school:p%40ss@localhost:{mailbox.port}"
        untrusted = provider(url).send(mail, lambda: None)
        assert untrusted.outcome is Outcome.FAILED
        assert "certificate" in untrusted.text.lower()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        wrong = provider(url.replace("p%40ss", "guess")).send(mail, lambda: None)
        assert wrong.outcome is Outcome.FAILED, "the provider's trouble, not the mail's"
        assert provider(url).send(mail, lambda: None).outcome is Outcome.SENT
        assert mailbox.copies("<a@b>") == 1


def test_what_was_handed_over_when_the_sender_died_is_in_doubt(tmp_path: Path) -> None:
    """SIGKILL while a provider thinks about the text: the next sender asks that provider, not the other."""
    env = environment("postgres://x@127.0.0.1:1/x", tmp_path / "media")
    (tmp_path / "media").mkdir()
    local = Path(env["FIRSTBELL_LOCAL_ROOT"])
    outbox = Outbox(local / "outbox.sqlite3")
    with Mailbox("late-accept", seconds=5, times=1) as first, Mailbox() as second:
        env["FIRSTBELL_MAIL_PROVIDERS"] = f"{first.url},{second.url}"
        name = put(outbox)
        one = start_sender(env)
        wait_for(lambda: row(outbox)["doubt"] and first.copies(name) == 1, "handed over")
        one.send_signal(signal.SIGKILL)  # before the provider said that it has it
        one.wait(10)
        assert not is_sent(outbox)
        other = start_sender(env)
        wait_for(lambda: is_sent(outbox), "sent")
        other.send_signal(signal.SIGTERM)
        assert other.wait(20) == 0
        assert first.copies(name) == 2
        assert second.taken == []


def start_sender(env: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(ROOT / "webapp/manage.py"), "mail", "send"]
    return subprocess.Popen(command, env=env, cwd="/", stderr=subprocess.DEVNULL)


# ---- Django's door, and the operator's


def test_whatever_django_sends_goes_into_the_outbox_and_out_of_it(tmp_path: Path) -> None:
    env = environment("postgres://x@127.0.0.1:1/x", tmp_path)
    env["FIRSTBELL_MAIL_PROVIDERS"] = f"folder://{tmp_path}/mails"
    code = (
        "from django.core.mail import EmailMessage\n"
        "m = EmailMessage('Söme subject', 'Zoë' * 400, to=['Zoë <zoe@school.example>'], bcc=['b@x.example'])\n"
        "print(m.send(), m.send())"
    )
    done = manage(env, "shell", "--no-imports", "-c", code)
    assert done.stdout.split() == ["1", "0"], done.stderr
    listed = manage(env, "mail", "list").stdout
    assert "to=zoe@school.example" in listed
    assert "to=b@x.example" in listed
    one = start_sender(env)
    wait_for(lambda: len(list((tmp_path / "mails").glob("*.eml"))) == 2, "both delivered")
    one.send_signal(signal.SIGTERM)
    assert one.wait(20) == 0
    assert "no mail waits" in manage(env, "mail", "list").stdout
    text = next((tmp_path / "mails").glob("*zoe*.eml")).read_bytes()
    assert b"b@x.example" not in text
    assert text.count(b"\n") == text.count(b"\r\n")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("pigeon://loft", "scheme is pigeon"),
        ("smtp://a:587,smtp+plain://u:hunter2@b", "item 2"),
        ("smtp://", "names no host"),
    ],
)
def test_a_provider_that_cannot_be_used_stops_the_start_without_telling_its_password(
    tmp_path: Path, value: str, said: str
) -> None:
    env = environment("postgres://x@127.0.0.1:1/x", tmp_path) | {"FIRSTBELL_MAIL_PROVIDERS": value}
    done = manage(env, "check")
    assert done.returncode == 2
    assert said in done.stderr
    assert "hunter2" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_outbox_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    env = environment("postgres://x@127.0.0.1:1/x", tmp_path)
    env["FIRSTBELL_LOCAL_ROOT"] = f"{tmp_path}/nowhere"
    done = manage(env, "mail", "send")
    assert done.returncode == 1
    assert done.stderr.startswith("CommandError: ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert os.sep + "nowhere" in done.stderr
