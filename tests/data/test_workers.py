"""Decoding threads: as the site says, or as many as the process has cores."""

from __future__ import annotations

import os

import pytest

from bits.config.compose import Composer
from bits.config.site import Site
from bits.data.workers import decoding_threads


def of(site: Site, **values: int | None) -> Site:
    return site.model_copy(update=values)


@pytest.fixture(scope="module")
def site() -> Site:
    with Composer("smoke") as composer:
        return of(composer.compose("bits-fixed")[0].site, threads=0)


@pytest.mark.parametrize(
    ("cores", "environment", "expected"),
    [
        (1, {}, 0),
        (8, {}, 7),
        (64, {}, 16),
        (64, {"LOCAL_WORLD_SIZE": "8"}, 7),
        (4, {"LOCAL_WORLD_SIZE": "8"}, 0),
        (64, {"SLURM_CPUS_PER_TASK": "6"}, 5),
        (2, {"SLURM_CPUS_PER_TASK": "32", "LOCAL_WORLD_SIZE": "4"}, 7),
    ],
)
def test_the_cores_of_a_process_less_one(
    site: Site, monkeypatch: pytest.MonkeyPatch, cores: int, environment: dict[str, str], expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    assert site.workers is None
    assert decoding_threads(site, environment) == expected
    assert decoding_threads(of(site, threads=8), environment) == expected


def test_a_number_stays_and_a_single_thread_decodes_by_itself(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(32)))
    for workers in (0, 3, 40):
        assert decoding_threads(of(site, workers=workers, threads=1), {"LOCAL_WORLD_SIZE": "8"}) == workers
    assert decoding_threads(of(site, threads=1), {}) == 0
