"""Code digests depend on what the code does, not on how it is written."""

from __future__ import annotations

import shutil
import subprocess
import sys

from bits.records.code import ROOT, code_digest


def test_code_digest_ignores_comments_docstrings_and_layout(tmp_path):
    path = tmp_path / "x.py"
    path.write_text('"""Doc."""\ndef f(x):\n    """Doc."""\n    return x + 1\n')
    first = code_digest([path])
    path.write_text('"""Other."""\n# why\ndef f(\n    x,\n):\n    return x + 1  # because\n')
    assert code_digest([path]) == first
    path.write_text("def f(x):\n    return x + 2\n")
    assert code_digest([path]) != first


def test_code_digest_is_the_same_in_other_versions_of_python():
    code = "from pathlib import Path; from bits.records.code import code_digest; print(code_digest([Path('bits')]))"
    found = [shutil.which(f"python3.{version}") for version in range(11, 20)]

    def digest_by(interpreter: str) -> str:
        done = subprocess.run([interpreter, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
        return done.stdout.strip()

    expected = code_digest([ROOT / "bits"])
    assert digest_by(sys.executable) == expected
    # An interpreter on the path may be a stub for a version that is not installed, which prints nothing.
    assert {digest_by(interpreter) for interpreter in found if interpreter} <= {expected, ""}
