"""What follows from a listing: a kind of one pool of images with several labels each, none of them for training."""

from __future__ import annotations

import shutil
import textwrap
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bits.config.recipe import Dataset
from bits.data.files import file_kind
from bits.data.kind import Check, Sizes, SplitFacts, dataset_kinds
from bits.data.layout import Source
from bits.data.listing import Listing
from bits.errors import BitsError, DatasetError
from bits.evaluation.declaration import evaluators
from bits.plan import evaluations, fit
from bits.records.code import ROOT
from bits.runs import datasets

from . import official
from .pictures import image_folder

NAMES = {"0.png": (0,), "1.png": (0, 2), "2.png": (1, 2)}


def listing(dataset: Dataset, source: Source, split: str) -> Listing:
    assert split == "val"
    return Listing("pool/all", ("red", "round", "large"), tuple(NAMES), tuple(NAMES.values()))


POOL = file_kind(name="images", layout="a pool", listing=listing, labels=("several",), splits=("val",))
WITH_AN_EMPTY_CLASS = file_kind(
    name="images",
    layout="a pool",
    listing=lambda *asked: replace(listing(*asked), class_names=("red", "round", "large", "small")),
    labels=("several",),
    splits=("val",),
)
DATASET = Dataset(name="pool", title="Pool", kind="images")


@pytest.fixture(params=["folder", "zip"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = image_folder(tmp_path / "set", {"pool": {"all": 3}})
    return folder if request.param == "folder" else Path(shutil.make_archive(str(tmp_path / "pool"), "zip", folder))


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every data set is of the kind above."""
    for module in (evaluations, fit, datasets):
        monkeypatch.setattr(module, "kind_of", lambda dataset: POOL)


def test_sizes_and_facts_count_an_image_for_each_of_its_labels(place: Path) -> None:
    assert POOL.sizes(DATASET, str(place)) == Sizes(train=0, val=3, classes=3)
    assert POOL.split_facts(DATASET, str(place), "val") == SplitFacts("all", 3, {"red": 2, "round": 1, "large": 2})
    assert POOL.listing is not None
    assert POOL.listing(DATASET, str(place), "val").paths == [f"pool/all/{name}" for name in NAMES]


def test_a_split_is_opened_with_all_its_labels(place: Path) -> None:
    images = POOL.open(DATASET, place, "val")
    assert images.identities == tuple(NAMES) and images.labels.tolist() == [0, 0, 1]
    assert images.multilabels is not None
    assert images.multilabels.tolist() == [[True, False, False], [True, False, True], [False, True, True]]
    assert images.relevance is images.multilabels
    assert images.decode(2).shape == (3, 6, 6)


def test_images_of_one_class_have_no_several_labels(place: Path) -> None:
    assert dataset_kinds()["images"].labels == ("classes",)
    one = file_kind(name="images", layout="a pool", listing=listing, splits=("val",))
    assert one.open(DATASET, place, "val").multilabels is None


def test_checks_and_remarks_speak_of_the_splits_that_there_are(place: Path) -> None:
    whole = Check("ok", f"3 val images in {place}, all can be decoded")
    assert POOL.checks(DATASET, str(place), {"val": 3, "classes": 3}, False) == [whole]
    assert [check.found for check in POOL.checks(DATASET, str(place), {"val": 4, "classes": 2}, False)] == [
        "3 classes in val, expected 2",
        "3 images in val, published with 4",
    ]
    assert POOL.remarks is not None and POOL.remarks(DATASET, str(place)) == []
    assert POOL.canvas is not None and POOL.canvas(DATASET, str(place)) == (6, 6)


def test_a_training_split_that_is_none_is_opened_empty(pool: None, place: Path) -> None:
    site: Any = SimpleNamespace(cache_gib=1.0, workers=0)
    train, val = datasets.open_pair(DATASET, place, site)
    assert (len(train), len(val)) == (0, 3)
    assert train.class_names == val.class_names
    assert train.relevance.shape == torch.Size([0, 3]) and train.labels.shape == torch.Size([0])
    with pytest.raises(DatasetError, match="pool has no train split"):
        train.decode(0)


def test_training_on_it_is_refused_and_evaluating_it_is_not(
    pool: None, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uses = fit.Uses(role="birds525", runs=[], evaluations=[], shown=[])
    assert fit.examined(DATASET, str(place), uses).unfit == []
    monkeypatch.setattr(fit, "kind_of", lambda dataset: WITH_AN_EMPTY_CLASS)
    assert fit.examined(DATASET, str(place), uses).unfit == []
    curve = SimpleNamespace(retrieval=SimpleNamespace(protocol="each-against-all", queries=None))
    run: Any = SimpleNamespace(recipe=SimpleNamespace(curve=curve))
    (found,) = fit.examined(DATASET, str(place), uses._replace(runs=[run])).unfit
    assert found.found == "has no training images, and cannot be trained on"


@pytest.mark.parametrize(
    ("evaluator", "values", "refused"),
    [
        ("retrieval", {"protocol": "val-against-train"}, True),
        ("retrieval", {"protocol": "each-against-all"}, False),
        ("variance", {}, False),
    ],
)
def test_an_evaluator_that_reads_training_images_is_refused_when_it_is_planned(
    pool: None, evaluator: str, values: dict[str, Any], refused: bool
) -> None:
    known = evaluators()[evaluator]
    settings = known.settings.model_construct(**values)
    check = evaluations.check_fits
    if not refused:
        check(known, settings, DATASET, "coco2014", "dino", False)
        return
    with pytest.raises(BitsError, match=r"retrieval, which exhibits show of dino, reads training images; pool .* none"):
        check(known, settings, DATASET, "coco2014", "dino", False)


def test_the_kind_that_the_documentation_adds_lists_what_it_says(tmp_path: Path) -> None:
    text = (ROOT / "docs/adding.md").read_text(encoding="utf-8")
    block = text.partition('    """Images named by their class')[2].partition("Then `kind: named`")[0]
    code = textwrap.dedent(f'    """Images named by their class{block}')
    named: dict[str, Any] = {"__name__": "named"}
    exec(compile(code, "named.py", "exec", dont_inherit=True), named)
    for split, names in {"train": ("cat_1.png", "dog_1.png", "cat_2.png"), "val": ("cat_1.png", "dog_x.png")}.items():
        official.images(tmp_path, [f"{split}/{name}" for name in names])
    kind = named["KIND"]
    assert kind.sizes(DATASET, str(tmp_path)) == Sizes(3, 2, 2)
    images = kind.open(DATASET, tmp_path, "train")
    assert (images.class_names, images.identities) == (("cat", "dog"), ("cat_1.png", "cat_2.png", "dog_1.png"))
    assert images.decode(2).shape == (3, 6, 6)
    assert kind.sizes(DATASET.model_copy(update={"classes": 1}), str(tmp_path)) == Sizes(2, 1, 1)
