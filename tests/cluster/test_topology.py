"""`cluster.toml`: what is accepted, and what a typo is answered with."""

import pytest

from cluster.errors import TopologyError
from cluster.topology import load, main

GOOD = """
[cluster]
name = "school"
page_url = "https://www.example.org"

[[hosts]]
name = "host2"
node = 2
address = "10.0.0.2"
public_url = "https://h2.example.org"

[[hosts]]
name = "host1"
node = 1
address = "10.0.0.1"
public_url = "https://h1.example.org"
"""


def write(tmp_path, text: str):
    path = tmp_path / "cluster.toml"
    path.write_text(text)
    return path


def test_a_production_file_needs_no_ports_and_is_ordered_by_node(tmp_path):
    topology = load(write(tmp_path, GOOD))
    assert [h.name for h in topology.hosts] == ["host1", "host2"]
    assert topology.host(2) is topology.host("host2")
    assert topology.peers(topology.host(1)) == (topology.host(2),)
    assert topology.browser_config()["hosts"][0] == {
        "name": "host1",
        "api": "https://h1.example.org",
        "realtime": "wss://h1.example.org/rt/v1/socket",
    }


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("address = ", "adress = ", "unknown entry; did you mean 'address'?"),
        ("node = 2", "node = 1", "two hosts have the same node: 1"),
        ('"host2"', '"host1"', "two hosts have the same name: host1"),
        ("10.0.0.2", "10.0.0.1", "two hosts have the same address and port: 10.0.0.1:443"),
        ("node = 2", "node = 16", "less than or equal to 15 (found 16)"),
        ("node = 2", 'node = "two"', "(found 'two')"),
        ('public_url = "https://h2.example.org"', "", "hosts.[0].public_url: missing"),
        ("[cluster]", "[cluster", "is not valid TOML"),
        ("https://h2.example.org", "h2.example.org", "(found 'h2.example.org')"),
        ("[cluster]", "[cluster]\nca_file = 'ca.pem'", "ca_file: string should match pattern"),
        ("[[hosts]]", "[[host]]", "unknown entry; did you mean 'hosts'?"),
        (
            "[cluster]",
            "[cluster]\nparts = ['api']",
            "cluster.parts.[0]: input should be 'API' or 'realtime' (found 'api')",
        ),
    ],
)
def test_a_typo_is_answered_with_the_file_the_entry_and_what_was_expected(
    tmp_path, before, after, complaint
):
    path = write(tmp_path, GOOD.replace(before, after))
    with pytest.raises(TopologyError) as caught:
        load(path)
    assert str(path) in caught.value.message
    assert complaint in caught.value.message
    assert caught.value.exit_code == 2


def test_a_host_that_is_not_there_is_answered_with_those_that_are(tmp_path):
    with pytest.raises(TopologyError, match=r"no host 'host9'.*host1 \(node 1\), host2 \(node 2\)"):
        load(write(tmp_path, GOOD)).host("host9")


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (GOOD, 0, "host1 (node 1), host2 (node 2)"),
        (GOOD.replace("node = 2", "node = 1"), 2, "two hosts have the same node: 1"),
    ],
)
def test_as_a_program_it_says_whether_a_file_can_be_used(
    tmp_path, monkeypatch, capsys, text, code, said
):
    monkeypatch.setattr("sys.argv", ["topology", str(write(tmp_path, text))])
    found = 0
    try:
        main()
    except SystemExit as end:
        found = end.code
    assert found == code
    printed = capsys.readouterr()
    assert said in (printed.err if code else printed.out)
