"""The words of `snakemake --config` as requests, and words that cannot be right."""

from __future__ import annotations

import pytest
from snakemake.cli import parse_config

from bits.config.compose import Composer
from bits.config.site import Site
from bits.errors import BitsError
from bits.plan import Request, make_plan
from bits.workflow.options import as_typed, request, requested


def site_of(wanted: Request) -> Site:
    with Composer(wanted.scale, wanted.overrides) as composer:
        return composer.compose("bits-fixed")[0].site


def test_what_a_line_says_is_no_option_for_all_runs():
    for word in ("method=dino", "run=dino", "scale=paper"):
        with pytest.raises(BitsError, match=word):
            request({"scale": "smoke", "set": f"seed=1 {word}"})


def test_seeds_as_snakemake_hands_them_over():
    for given in ("0,1,2", "[0, 1, 2]", [0, 1, 2]):
        assert "seeds=[0,1,2]" in request({"scale": "smoke", "seeds": given}).overrides
    assert "seeds=[7]" in request({"scale": "smoke", "seeds": 7}).overrides
    with pytest.raises(BitsError, match="expected numbers"):
        request({"seeds": "all"})
    with pytest.raises(BitsError, match="each once"):
        make_plan(request({"scale": "smoke", "seeds": "1,1"}))


def test_a_path_with_blanks_and_quotes_arrives_whole(tmp_path):
    for name in ("my 'own' images", "trip: 2024", "trip'", 'trip"', "a\\b", "a\\", "${HOME}", "[1]", "007"):
        root = str(tmp_path / name)
        assert site_of(request({"scale": "small", "data": root})).data["images"] == root


def test_a_path_is_what_was_typed_whatever_snakemake_makes_of_it():
    for typed in ("/x/a: b", "/x/a'", '/x/a"', "007", "1e3", "true", "it's"):
        config = parse_config([f"data={typed}", "seeds=[0,1]", "scale=small"])
        words = ["snakemake", "--config", f"data={typed}", "seeds=[0,1]", "scale=small"]
        assert as_typed(config, words) == {"data": typed, "seeds": ["0", "1"], "scale": "small"}
    assert as_typed({"data": "/x/a b"}, ['data="/x/a b"']) == {"data": "/x/a b"}
    assert as_typed({"scale": "paper", "cluster": "slurm"}, ["table-1"]) == {"scale": "paper", "cluster": "slurm"}


def test_the_home_folder_is_filled_in_wherever_a_path_is_given(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    words = ["scale=small", "data=~/photos", "site.scratch=~/scratch", "site.data.food101=~/my food"]
    site = site_of(requested(words))
    assert (site.data["images"], site.data["food101"]) == ("/home/somebody/photos", "/home/somebody/my food")
    assert site.scratch == "/home/somebody/scratch"


def test_an_example_that_nobody_edited_is_refused_by_its_keys():
    with pytest.raises(BitsError) as refused:
        site_of(request({"scale": "smoke", "site": "example"}))
    for key in ("site.scratch = '/path/to/scratch/bits'", "site.data.imagenet1k = '/path/to/imagenet'"):
        assert f"{key}: is the example's placeholder" in str(refused.value)


def test_a_commands_words_are_options_and_keys_of_the_configuration():
    assert requested(["scale=smoke", "seeds=0,1", "seed=3"]).overrides[-2:] == ("seeds=[0,1]", "seed=3")
    with pytest.raises(BitsError, match="'smoke': expected word=value"):
        requested(["smoke"])
