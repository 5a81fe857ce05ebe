"""What is kept of Python files follows from their content alone, and is made again where it can't be trusted."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from bits.records import code_facts
from bits.records.code_facts import Facts, Kept

SOURCE = '"""Doc."""\nimport bits.a\nfrom bits.b import c\nimport os\ndef f(x):\n    from bits import d\n    return x\n'
IMPORTS = ("bits.a", "bits.b", "bits.b.c", "bits", "bits.d")


def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sources that are parsed from now on."""
    seen: list[str] = []

    def parse(source: str) -> ast.Module:
        seen.append(source)
        return original(source)

    original = ast.parse
    monkeypatch.setattr(code_facts.ast, "parse", parse)
    return seen


def test_a_file_is_parsed_once_and_again_when_its_content_is_another(tmp_path, monkeypatch):
    place, seen = tmp_path / "below/code.json", parsed(monkeypatch)
    first = Kept(place)
    found = first.of(SOURCE)
    assert found.imports == IMPORTS
    assert "Doc" not in found.meaning and "FunctionDef(name='f'" in found.meaning
    first.save()
    assert Kept(place).of(SOURCE) == found
    assert seen == [SOURCE]
    other = Kept(place)
    assert other.of(SOURCE.replace("return x", "return y")).meaning != found.meaning
    assert len(seen) == 2
    other.save()
    again = Kept(place)
    assert (again.of(SOURCE), len(seen)) == (found, 2), "what was known stays known"
    again.save()


def test_what_type_checkers_alone_read_is_not_imported(tmp_path):
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from bits.a import B\nelse:\n    import bits.c\n"
    assert Kept(tmp_path / "code.json").of(source).imports == ("bits.c",)
    assert Kept(tmp_path / "code.json").of("if DEBUG:\n    import bits.c\n").imports == ("bits.c",)


@pytest.mark.parametrize(
    "damage",
    [
        lambda kept: "{",
        lambda kept: "[]",
        lambda kept: json.dumps({**kept, "version": "of other code"}),
        lambda kept: json.dumps({**kept, "files": dict.fromkeys(kept["files"], "?")}),
        lambda kept: json.dumps({**kept, "files": {key: [1] for key in kept["files"]}}),
    ],
)
def test_what_is_damaged_or_of_other_code_is_made_again(damage, tmp_path):
    place = tmp_path / "code.json"
    first = Kept(place)
    found = first.of(SOURCE)
    first.save()
    place.write_text(damage(json.loads(place.read_text())))
    second = Kept(place)
    assert second.known == {}
    assert second.of(SOURCE) == found
    second.save()
    assert list(Kept(place).known.values()) == [found]


def test_where_nothing_can_be_written_the_facts_are_the_same(tmp_path):
    (tmp_path / "file").touch()
    kept = Kept(tmp_path / "file/code.json")
    assert kept.of(SOURCE).imports == IMPORTS
    kept.save()


def test_what_has_piled_up_is_dropped(tmp_path, monkeypatch):
    monkeypatch.setattr(code_facts, "MOST_KEPT", 2)
    place = tmp_path / "code.json"
    for number in range(4):
        kept = Kept(place)
        assert kept.of(f"x = {number}\n") == Facts(f"Module(body=[{assigned(number)}])", ())
        kept.save()
    assert len(Kept(place).known) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["code.json"]


def assigned(number: int) -> str:
    return f"Assign(targets=[Name(id='x',ctx=Store())],value=Constant(value={number}))"


def test_the_code_of_this_checkout_is_kept_where_git_does_not_look():
    assert Path(code_facts.PLACE).relative_to(code_facts.ROOT).parts[0] == ".snakemake"
    assert "/.snakemake/" in (code_facts.ROOT / ".gitignore").read_text().splitlines()
