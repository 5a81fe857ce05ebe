"""Backbones that were trained elsewhere in a plan: a line of runs.yaml each, known by the bytes of their files."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from bits.config.compose import Composer
from bits.config.composed import Composed
from bits.config.declared import CONFIG_DIR
from bits.config.imports import ImportLine, published_of
from bits.config.lines import import_lines, run_lines
from bits.config.validation import ConfigError
from bits.errors import BitsError
from bits.exhibits import DeclarationError, load_declarations
from bits.plan import Request, current_plan
from bits.plan.files import freeze, kept_plan
from bits.plan.imports import (
    frozen_import,
    imports,
    missing_weights,
    read_backbone_recipe,
    read_frozen_import,
    refuse_finetunings,
)
from bits.plan.passes import run_beside, shared_passes
from bits.plan.sources import Import
from bits.records.seal import write_record

LINE = {
    "weights": "theirs.pth",
    "backbone": "vit-convstem-nano",
    "label": "from a friend",
    "shown": {"table-1": "DINO, theirs", "extra-channel": "theirs"},
    "published": {"source": "arXiv 2104.14294", "values": {"imagenet1k.knn.top1_k20": 72.8}},
}


@pytest.fixture(scope="module")
def shared() -> Composed:
    with Composer("smoke") as composer:
        return composer.compose("bits-fixed")[0]


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A working directory with the file."""
    monkeypatch.chdir(tmp_path)
    Path("theirs.pth").write_bytes(b"weights")
    return tmp_path


def declared(**changes: Any) -> Path:
    """A configuration with one import and nothing else; of its keys some are changed, or with None left out."""
    line = {key: value for key, value in {**LINE, **changes}.items() if value is not None}
    folder = Path("lines")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(CONFIG_DIR / "backbone", folder / "backbone")
    (folder / "runs.yaml").write_text(yaml.safe_dump({"theirs": line}))
    return folder


def imported(shared: Composed, **changes: Any) -> Import:
    config = declared(**changes)
    (one,) = imports(import_lines(config), shared, Path("results/smoke"), config).values()
    return one


def test_an_import_is_planned_evaluated_and_shown_like_a_run(here):
    config = here / "config"
    shutil.copytree(CONFIG_DIR, config)
    with (config / "runs.yaml").open("a", encoding="utf-8") as file:
        yaml.safe_dump({"theirs": LINE}, file)
    request = Request("smoke", "smoke", ("evaluation.linear.augment=true",), config)
    plan = current_plan(request)
    (one,) = plan.imports.values()
    assert plan.sources["theirs"] == [one.id] and one.id not in plan.runs and not plan.lacks_something
    (role,) = plan.metrics[one.id]  # no curve, and nothing of its channel
    file = plan.metrics[one.id][role]
    assert {"retrieval", "knn", "linear"} <= set(plan.of_metrics(file).settings.evaluators())
    assert file in plan.needs["table-1"]
    assert not [path for path in plan.needs["extra-channel"] if one.id in str(path)]
    assert plan.published["theirs"].values == {"imagenet1k.knn.top1_k20": 72.8}
    assert read_frozen_import(one.config) == ("theirs", "theirs.pth", one.recipe)
    (together,) = (found for found in shared_passes(plan).values() if one.id in found.files)
    assert plan.sources["dino"][0] in together.files and run_beside(plan, one.id) == one
    assert kept_plan(request) == plan
    for change in (lambda: Path("theirs.pth").write_bytes(b"others'"), Path("theirs.pth").unlink):
        change()
        assert kept_plan(request) is None, "the file is part of what the plan was made from"


def test_other_bytes_and_other_settings_are_other_imports_and_another_name_of_the_file_is_not(here, shared):
    one = imported(shared)
    assert one.recipe.backbone.drop_path == 0 and one.recipe.seed == shared.recipe.seed
    others = [
        {"backbone": "vit-convstem-micro"},
        {"backbone": "vit_tiny_patch16_224"},
        {"backbone.image_size": 64},
        {"backbone.options": {"depth": 2}},
        {"weights_of": "student"},
        {"augmentation.mean": [0.5, 0.5, 0.5]},
    ]
    assert len({one.id, *(imported(shared, **change).id for change in others)}) == 1 + len(others)
    size = imported(shared, backbone="vit_tiny_patch16_224").recipe.backbone.image_size
    assert size == shared.evaluation.features.size
    assert imported(shared, label="x", published=None, shown={"table-2": "y"}).id == one.id
    Path("theirs.pth").rename("renamed.pth")
    assert imported(shared, weights="renamed.pth").id == one.id
    Path("renamed.pth").write_bytes(b"others'")
    assert imported(shared, weights="renamed.pth").id != one.id


def test_a_file_that_was_imported_may_go(here, shared):
    one = imported(shared)
    Path("theirs.pth").unlink()
    assert [gap.run for gap in missing_weights([imported(shared)])] == ["theirs"]
    record = {"id": one.id, "name": "theirs", "file": "theirs.pth", "sha256": one.recipe.weights, "finished": "2026"}
    write_record(one.provenance, record)
    assert imported(shared) == one and not missing_weights([one])
    other = imported(shared, weights="elsewhere.pth")  # of which nothing was ever seen
    assert other.recipe.weights is None and missing_weights([other])
    one.provenance.write_text(one.provenance.read_text().replace("2026", "2027"))
    assert imported(shared).recipe.weights is None  # changed by hand, so it tells nothing


def test_an_edited_configuration_is_refused(here, shared):
    one = imported(shared)
    freeze(one.config, frozen_import(one))
    assert read_backbone_recipe(one.config) == one.recipe
    one.config.write_text(one.config.read_text().replace("image_size: 32", "image_size: 48"))
    with pytest.raises(BitsError, match="changed by hand"):
        read_backbone_recipe(one.config)


def test_what_was_not_trained_here_cannot_be_fine_tuned():
    refuse_finetunings([("dino", "food101")], {"theirs"})
    with pytest.raises(BitsError, match="theirs-on-food101, but theirs is imported"):
        refuse_finetunings([("dino", "food101"), ("theirs", "food101")], {"theirs"})


def test_lines_with_weights_are_no_runs_to_train(here):
    config = declared(published=None, label=None)
    assert run_lines(config) == {}
    (line,) = import_lines(config).values()
    assert line == ImportLine(weights="theirs.pth", backbone="vit-convstem-nano", shown=LINE["shown"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": None}, "theirs.backbone: Field required"),
        ({"backbone": "vit-base-61"}, r"backbone=vit-base-61: no file of .*vit-base-16"),
        ({"method": "bits"}, "theirs.method: unknown key"),
        ({"weights_of": "both"}, "weights_of: Input should be 'teacher' or 'student'"),
        ({"schedule.epochs": 3}, "schedule.epochs: expected one of backbone.image_size"),
        ({"backbone.image_size": 0}, "theirs.pth: backbone.image_size: Input should be greater"),
        ({"published": {"values": {"imagenet1k.knn.top1_k20": 1.0}}}, "published.source: Field required"),
    ],
)
def test_lines_that_do_not_hold_are_refused(changes, message, here, shared):
    with pytest.raises(ConfigError, match=message):
        imported(shared, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"published": {"source": "x", "values": {"imagenet1k.knn.top1_k21": 1.0}}}, r"no measure .*top1_k20"),
        (
            {"published": {"source": "x", "values": {"birds525.linear.last": 1.0}}},
            "no exhibit that shows the run shows",
        ),
        ({"shown": {"table-99": "x"}}, "no exhibit 'table-99'"),
        ({"shown": None}, "'theirs': no exhibit shows it"),
    ],
)
def test_rows_and_numbers_that_no_exhibit_has_are_refused(changes, message, here):
    lines = import_lines(declared(**changes))
    shown = {name: line.shown for name, line in lines.items()}
    runs = {*run_lines(CONFIG_DIR), *lines}
    with pytest.raises(DeclarationError, match=message):
        load_declarations(CONFIG_DIR, runs, shown, elsewhere=published_of(lines))
