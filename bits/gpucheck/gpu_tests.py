"""The tests that need a GPU."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from bits.gpucheck.markdown import table
from bits.gpucheck.part import Bench, CheckError, Found, Part, Skipped
from bits.records.code import ROOT

COUNTS = ("tests", "failures", "errors", "skipped")
IMPORTED = "ignore::pytest.PytestAssertRewriteWarning"  # of plugins that this process has imported before pytest
MOST = 2000  # characters of a failure that are kept; all of them are in raw.log


def run(bench: Bench) -> Found:
    """`pytest -m gpu tests/gpu` in this process, which the check starts for this part alone."""
    if find_spec("pytest") is None:
        raise Skipped("pytest cannot be imported here, so the tests marked gpu could not be run")
    import pytest

    os.environ.pop("PYTEST_ADDOPTS", None)  # the user's, of other tests
    results = bench.scratch / "tests.xml"
    words = f"-q -m gpu -p no:cacheprovider -W {IMPORTED}".split()
    place = ["--rootdir", str(ROOT), f"--junitxml={results}", str(ROOT / "tests/gpu")]
    code = int(pytest.main([*words, *place]))
    yield "exit_code", code
    yield from outcomes(results)
    if code:
        raise CheckError(f"pytest ended with exit code {code}; raw.log holds what it printed")


def outcomes(results: Path) -> Found:
    """Counts, seconds and failures of a JUnit file."""
    cases = list(ElementTree.parse(results).iter("testcase"))
    suites = list(ElementTree.parse(results).iter("testsuite"))
    for name in COUNTS:
        yield name, sum(int(suite.get(name, 0)) for suite in suites)
    yield "passed", sum(1 for case in cases if len(case) == 0 or all(part.tag.startswith("system") for part in case))
    yield "seconds", {_name(case): float(case.get("time", 0)) for case in cases}
    wrong = [(_name(case), part) for case in cases for part in case if part.tag in ("failure", "error")]
    yield "failed", {name: (part.text or "")[-MOST:].replace(f"{ROOT}/", "") for name, part in wrong}


def _name(case: ElementTree.Element) -> str:
    return f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"


def text(found: Mapping[str, Any]) -> str:
    counts = table(("passed", "failed", "errors", "skipped"), [[found.get(n) for n in ("passed", *COUNTS[1:])]])
    failed = found.get("failed", {})
    return "\n\n".join([counts, *(f"`{name}` failed:\n\n```\n{said}\n```" for name, said in failed.items())])


PART = Part("tests", "Tests marked gpu", 0.19, run, text)
