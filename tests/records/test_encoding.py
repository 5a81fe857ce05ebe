"""Every file and every answer of a program is read as UTF-8, whatever the locale says."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bits.records.code import ROOT

TEXT = ("read_text", "write_text")  # of paths; write_text(path, text) of this project is a plain name


def without_encoding(path: Path) -> Iterator[str]:
    """Calls in a file that read or write text in the locale's encoding."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and _is_text(node) and not any(one.arg == "encoding" for one in node.keywords):
            yield f"{path.relative_to(ROOT)}:{node.lineno}"


def _is_text(call: ast.Call) -> bool:
    if any(one.arg in ("text", "universal_newlines") for one in call.keywords):
        return True
    if not isinstance(call.func, ast.Attribute):
        return isinstance(call.func, ast.Name) and call.func.id == "open"
    given = [*call.args[:1], *(one.value for one in call.keywords if one.arg == "mode")] or [ast.Constant("r")]
    mode = given[-1].value if isinstance(given[-1], ast.Constant) else None
    opened = call.func.attr == "open" and mode is not None and set(str(mode)) <= set("rwax+t")
    return call.func.attr in TEXT or opened


def test_no_file_is_read_in_the_encoding_of_the_locale():
    found = [place for path in sorted((ROOT / "bits").rglob("*.py")) for place in without_encoding(path)]
    assert found == []


def test_the_search_finds_what_it_is_for():
    calls = (
        "p.read_text()",
        "p.write_text(t)",
        "p.open()",
        "p.open('a')",
        "p.open(mode='r')",
        "open(p)",
        "run(c, text=True)",
    )
    assert all(_is_text(ast.parse(call, mode="eval").body) for call in calls)
    others = ("p.open('rb')", "write_text(p, t)", "tarfile.open(fileobj=f, mode='r:')")
    assert not any(_is_text(ast.parse(call, mode="eval").body) for call in others)


def test_a_plan_is_made_and_shown_without_a_utf_8_locale(tmp_path):
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    plain = {**environment, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "bits", "plan", "scale=smoke", "--list"]
    done = subprocess.run(command, cwd=tmp_path, env=plain, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert b"exhibit table-1" in done.stdout
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "results").rglob("*.yaml")}
    other = {**environment, "LC_ALL": "en_US.ISO-8859-1", "PYTHONUTF8": "0"}
    again = subprocess.run(command, cwd=tmp_path, env=other, capture_output=True, timeout=300)
    assert again.returncode == 0, again.stderr.decode(errors="replace")
    assert written and {path: path.stat().st_mtime_ns for path in written} == written, "nothing was frozen again"


def test_what_the_terminal_cannot_show_is_printed_nevertheless():
    program = "from bits.commands.guard import guarded; guarded(lambda: print('a \\u00b1 b') or 0)"
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, b"a \\xb1 b\n")
