"""cluster/health.py: what a host says of its mail on /readyz, and what of it is trouble."""

from cluster.health import Mail

WELL = {"waiting": 2, "oldest_seconds": 4.0, "dead": 0, "sender_seconds": 0.4}


def troubles(**values: object) -> list[str]:
    found = Mail.read({"status": "ready", "mail": WELL | values})
    assert found is not None
    return found.troubles


def test_a_few_mails_that_wait_are_no_trouble():
    assert troubles() == []


def test_a_release_that_says_nothing_of_mail_is_no_trouble():
    assert Mail.read({"status": "ready"}) is None
    assert Mail.read(None) is None
    assert Mail.read({"mail": "odd"}) is None


def test_a_sender_that_does_not_run_is_trouble():
    assert troubles(sender_seconds=None) == ["its mail sender does not run"]
    assert troubles(sender_seconds=61) == ["its mail sender does not run"]


def test_mail_that_waits_for_long_or_is_dead_is_trouble():
    (late,) = troubles(oldest_seconds=3600.0)
    assert "2 mails wait, the oldest for 60 minutes" in late
    (dead,) = troubles(dead=3)
    assert "3 mails could not be sent" in dead


def test_an_outbox_that_cannot_be_read_is_trouble():
    (said,) = troubles(error="/x: disk I/O error")
    assert "disk I/O error" in said
