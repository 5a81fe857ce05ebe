"""What is timed, what is said on the way, and that nothing is lost when it is stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bits.config.declared import CONFIG_DIR
from bits.costs.assumptions import load_assumptions
from bits.costs.counts import Counts
from bits.costs.images import image_counts
from bits.costs.speeds import Speeds
from bits.data.noise import NoiseImages
from bits.plan import Request, make_plan
from bits.runs.calibrate import Setting, _Settings, _time_all

CPU = torch.device("cpu")


def test_what_was_measured_is_kept_and_not_measured_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    timed: list[str] = []

    def setting(key: str, stops: bool = False) -> Setting:
        def speed(seconds: float) -> float:
            if stops:
                raise KeyboardInterrupt
            timed.append(key)
            return 2.0

        return Setting("training", key, f"what {key} is", speed)

    path = tmp_path / "speeds.json"
    with pytest.raises(KeyboardInterrupt):
        _time_all([setting("a"), setting("b", stops=True), setting("c")], Speeds.kept(path, "here"), 20.0, CPU)
    said = capsys.readouterr().out
    assert "1 of 3, about 60 s left: training, what a is ... 2 images/s" in said
    assert "2 of 3, about " in said
    again = Speeds.kept(path, "here")
    _time_all([setting("a"), setting("b"), setting("c")], again, 20.0, CPU)
    assert timed == ["a", "b", "c"]
    assert "1 of 3 speeds were measured before" in capsys.readouterr().out
    assert set(again.of("training")) == set(Speeds.kept(path, "here").of("training")) == {"a", "b", "c"}
    assert Speeds.kept(path, "on another device").of("training") == {}
    path.write_text("{")
    assert Speeds.kept(path, "here").of("training") == {}


def test_only_what_is_here_is_measured(tmp_path: Path) -> None:
    plan = make_plan(Request.of_scale("smoke"))
    gone = plan.datasets["food101"].model_copy(update={"fingerprint": None})
    plan = plan.model_copy(update={"datasets": {**plan.datasets, "food101": gone}})
    sizes = image_counts(plan, load_assumptions(CONFIG_DIR))
    settings = _Settings(plan, plan.site, CPU, NoiseImages(8, 8, 8, 2), Counts(tmp_path / "flops.json"), sizes)
    roles = {one.role for one in settings._evaluations()}
    assert roles == set(plan.datasets) - {"food101"}
    nowhere = plan.model_copy(
        update={"datasets": {role: one.model_copy(update={"fingerprint": None}) for role, one in plan.datasets.items()}}
    )
    settings = _Settings(nowhere, plan.site, CPU, NoiseImages(8, 8, 8, 2), Counts(tmp_path / "flops.json"), sizes)
    assert {one.role for one in settings._evaluations()} == {"imagenet1k"}, "on random images"
    assert {one.part for one in settings} == {"training", "extraction", "work"}
