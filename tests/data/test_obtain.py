"""Where data sets are to be had."""

from __future__ import annotations

import yaml

from bits.config.declared import CONFIG_DIR
from bits.config.recipe import Dataset
from bits.data.obtain import expected, origins

from .test_official import SETS, dataset


def test_every_data_set_of_the_paper_has_an_origin_a_place_and_published_counts() -> None:
    names = {*SETS, "imagenet100"}
    assert set(origins()) == names
    places = yaml.safe_load((CONFIG_DIR / "site/default.yaml").read_text())["data"]
    counts = yaml.safe_load((CONFIG_DIR / "counts.yaml").read_text())
    assert names == set(counts) == set(places) - {"scenes", "images"}
    assert all(dataset(name).name == name for name in names)


def test_an_origin_is_said_after_the_layout() -> None:
    assert expected(dataset("food101")).endswith(
        " snakemake data/food101 fetches it. Get food-101.tar.gz from "
        "https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101; to lie in its place: food-101/ that it unpacks."
    )
    said = expected(dataset("imagenet1k"))
    assert said.startswith("Expected a folder or zip with train/<class>/<image>")
    assert "Get ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar and ILSVRC2012_devkit_t12.tar.gz from https" in said
    assert "where you register" in said


def test_a_users_own_set_has_none() -> None:
    mine = Dataset(name="mine", kind="images")
    assert expected(mine) == "Expected a folder or zip with train/<class>/<image> and val/<class>/<image>."
