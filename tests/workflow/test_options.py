"""The words of `snakemake --config` as requests, and words that cannot be right."""

from __future__ import annotations

import pytest

from bits.errors import BitsError
from bits.plan import make_plan
from bits.workflow.options import request, requested


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
    root = tmp_path / "my 'own' images"
    plan = make_plan(request({"scale": "small", "data": str(root)}))
    assert plan.roots["imagenet1k"] == str(root)


def test_a_commands_words_are_options_and_keys_of_the_configuration():
    assert requested(["scale=smoke", "seeds=0,1", "seed=3"]).overrides[-2:] == ("seeds=[0,1]", "seed=3")
    with pytest.raises(BitsError, match="'smoke': expected word=value"):
        requested(["smoke"])
