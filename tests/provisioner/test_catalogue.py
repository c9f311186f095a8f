"""Providers and templates as files: what is wrong in them is named."""

from datetime import timedelta

import pytest

from provisioner.catalogue import Catalogue
from provisioner.errors import CatalogueError, Refusal
from tests.provisioner.office import REPOSITORY

GOOD = "description: Good.\nvariables:\n  n: {type: integer, default: 2, min: 1, max: 3}\n"


@pytest.fixture
def ansible(tmp_path):
    folder = tmp_path / "providers" / "one"
    folder.mkdir(parents=True)
    (tmp_path / "environments").mkdir()
    for playbook in ("create", "destroy", "list"):
        (folder / f"{playbook}.yml").write_text("[]")
    (folder / "provider.yml").write_text(GOOD)
    (tmp_path / "environments" / "t.yml").write_text("description: T.\nprovider: one\n")
    return tmp_path


def catalogue(ansible) -> Catalogue:
    return Catalogue(ansible, timedelta(hours=8))


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("description: T.\nprovider: two\n", "There is no provider two. Known: one."),
        ("description: T.\nprovider: ../one\n", "is no name of a provider"),
        ("description: T.\n", "environments/t.yml: provider is missing"),
        ("description: T.\nprovider: one\nvariables: {m: 1}\n", "provider one has no variable 'm'"),
        ("description: T.\nprovider: one\nvariables: {n: 9}\n", "n: 9 is out of bounds"),
        ("description: T.\nprovider: one\nttl_hours: -1\n", "ttl_hours is -1, expected"),
        ("description: T.\nprovider: one\nttl: 1\n", "unknown entry 'ttl'. Known: description"),
        ("\x00", "is not valid YAML"),
    ],
)
def test_a_template_that_can_not_be_used_says_why(ansible, template, message):
    (ansible / "environments" / "t.yml").write_text(template)
    (found,) = catalogue(ansible).templates()
    assert found.problem is not None
    assert message in found.problem


def test_a_provider_without_one_of_its_playbooks_is_named(ansible):
    (ansible / "providers" / "one" / "destroy.yml").unlink()
    with pytest.raises(CatalogueError, match=r"Provider one has no destroy\.yml\."):
        catalogue(ansible).provider("one")


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("{type: string, pattern: '('}", "pattern '(' is no pattern"),
        ("{type: choice}", "choices must be a list of texts"),
        ("{type: choice, choices: [1]}", "choices must be a list of texts"),
        ("{type: integer, default: x}", "the default of n: 'x' is not a whole number"),
        ("{type: integer, min: low}", "min and max must be whole numbers"),
        ("{type: string, min: 1}", "a string has no 'min'"),
        ("text", "n must be a mapping"),
    ],
)
def test_a_variable_that_is_declared_wrongly_is_named(ansible, variable, message):
    path = ansible / "providers" / "one" / "provider.yml"
    path.write_text(f"description: Bad.\nvariables:\n  n: {variable}\n")
    with pytest.raises(CatalogueError) as caught:
        catalogue(ansible).provider("one")
    assert message in str(caught.value)


def test_values_are_checked_defaults_filled_in_and_numbers_taken_as_text(ansible):
    template = catalogue(ansible).template("t")
    assert template.check({}) == {"n": 2}
    assert template.check({"n": "3"}) == {"n": 3}
    with pytest.raises(Refusal) as caught:
        template.check({"n": "", "m": "x"})
    assert sorted(caught.value.fields) == ["variables.m", "variables.n"]


def test_all_templates_of_the_repository_can_be_used():
    found = Catalogue(REPOSITORY / "ansible", timedelta(hours=8)).templates()
    assert found
    assert {t.name: t.problem for t in found if t.problem} == {}
