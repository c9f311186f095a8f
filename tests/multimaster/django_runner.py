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

    def build_suite(self, *args, **kwargs) -> TestSuite:
        """Tests of the list are expected to fail."""
        suite = super().build_suite(*args, **kwargs)
        tests = {test.id(): test for test in iter_test_cases(suite)}
        modules = {name.split(".")[0] for name in tests}
        self.expected = [e for e in exceptions() if e["test"].split(".")[0] in modules]
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
        for entry in self.expected:
            if entry["test"] not in failures:
                self.problems.append(
                    f"{entry['test']} no longer fails: take it out of {EXCEPTIONS.name}"
                )
            elif entry["shows"] not in failures[entry["test"]]:
                self.problems.append(
                    f"{entry['test']} fails, but not as {EXCEPTIONS.name} says:\n{failures[entry['test']]}"
                )
        return result

    def suite_result(self, suite, result, **kwargs) -> int:
        for problem in self.problems:
            print(f"NODES OR LIST: {problem}")
        return super().suite_result(suite, result, **kwargs) + len(self.problems)
