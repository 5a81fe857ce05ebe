"""The list of queries that an evaluation leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bits.config.compose import Composer
from bits.evaluation.ranking.query_split import draw_queries
from bits.runs.queries import write_queries
from tests.evaluation.conftest import Labelled


def test_queries_are_named_one_a_line(tmp_path: Path) -> None:
    val = Labelled("val", torch.zeros(60, dtype=torch.int64))
    with Composer("smoke") as composer:
        made = composer.compose("bits-fixed")[0]
    path = tmp_path / "data/voc2012-queries.txt"
    write_queries(path, val, made.evaluation_on("voc2012"))
    drawn, _ = draw_queries(val.identities, 20, 0)
    assert path.read_text().splitlines() == sorted(val.identities[i] for i in drawn)
    before = path.stat().st_ino
    write_queries(path, val, made.evaluation_on("voc2012"))
    assert path.stat().st_ino == before, "not written anew"


@pytest.mark.parametrize("role", ["imagenetv2", "imagenet100"])
def test_where_every_image_is_a_query_there_is_no_list(tmp_path: Path, role: str) -> None:
    with Composer("smoke") as composer:
        made = composer.compose("bits-fixed")[0]
    write_queries(
        tmp_path / "queries.txt", Labelled("val", torch.zeros(3, dtype=torch.int64)), made.evaluation_on(role)
    )
    assert not (tmp_path / "queries.txt").exists()
