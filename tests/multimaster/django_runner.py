"""The test runner for Django's suite on a mesh: it compares the nodes, and it knows the explained exceptions.

- After each test that commits (TransactionTestCase), before its rows are flushed, all nodes must hold the same;
  so must they at the end, in all tables. Else that test, or the label, fails.
- A test that django_suite.toml names must fail, and its failure must hold the text given there. One that
  passes, is skipped or isn't there any more fails the label: the list can't rot.
"""

import os
import tomllib
from pathlib import Path
from unittest import TestSuite

from django.conf import settings
from django.test import TransactionTestCase
from django.test.runner import DiscoverRunner, iter_test_cases

from tests.multimaster.equality import Differs, Mesh

EXCEPTIONS = Path(__file__).with_name("django_suite.toml")


def exceptions() -> list[dict[str, str]]:
    """Each with `test`, `shows` (part of the failure's text) and `reason`."""
    return tomllib.loads(EXCEPTIONS.read_text(encoding="utf-8")).get("exception", [])


def unexplained(expected: list[dict[str, str]], failures: dict[str, str]) -> list[str]:
    """What is wrong with the list, given the text of each failure by test id."""
    problems = []
    for entry in expected:
        text = failures.get(entry["test"])
        if text is None:
            problems.append(f"{entry['test']} no longer fails: take it out of {EXCEPTIONS.name}")
        elif entry["shows"] not in text:
            problems.append(f"{entry['test']} does not fail as {EXCEPTIONS.name} says:\n{text}")
    return problems


class MeshRunner(DiscoverRunner):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.meshes = [
            Mesh(
                alias,
                entry["TEST"]["PORTS"],
                entry["TEST"]["NAME"],
                os.environ["FIRSTBELL_TEST_SUPERUSER"],
            )
            for alias, entry in settings.DATABASES.items()
        ]
        self.problems: list[str] = []

    def build_suite(self, test_labels=None, **kwargs) -> TestSuite:
        """Tests of the list are expected to fail."""
        self.labels = test_labels or []
        suite = super().build_suite(test_labels, **kwargs)
        tests = {test.id(): test for test in iter_test_cases(suite)}
        labels = tuple(f"{label}." for label in self.labels)
        self.expected = [e for e in exceptions() if f"{e['test']}.".startswith(labels)]
        for entry in self.expected:
            if entry["test"] in tests:
                tests[entry["test"]].__unittest_expecting_failure__ = True
        return suite

    def run_suite(self, suite, **kwargs):
        flush = TransactionTestCase._fixture_teardown
        meshes = self.meshes

        def compare_then_flush(test) -> None:
            differs = None
            for mesh in meshes:
                try:
                    mesh.check()
                except Differs as found:
                    differs = found
            flush(test)
            if differs is not None:
                raise differs

        TransactionTestCase._fixture_teardown = compare_then_flush
        try:
            result = super().run_suite(suite, **kwargs)
        finally:
            TransactionTestCase._fixture_teardown = flush
        for mesh in meshes:
            try:
                mesh.check(everything=True)
            except Differs as found:
                self.problems.append(str(found))
            mesh.close()
        failures = {test.id(): text for test, text in result.expectedFailures}
        self.problems += unexplained(self.expected, failures)
        return result

    def suite_result(self, suite, result, **kwargs) -> int:
        for problem in self.problems:
            print(f"NODES OR LIST: {problem}")
        return super().suite_result(suite, result, **kwargs) + len(self.problems)
