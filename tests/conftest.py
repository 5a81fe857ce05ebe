"""Fixtures that several test modules use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from bits.config.compose import Composer
from bits.config.composed import Composed
from bits.data import kept
from bits.plan import data_root, frozen_run

# Tests run beside each other on few cores; one thread each is fastest, and results don't depend on the machine.
torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session", autouse=True)
def digests_apart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where tests keep the digests of images, so that none are left in the checkout."""
    kept.PLACE = tmp_path_factory.mktemp("digests")
    return kept.PLACE


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real photographs beside the checkout; a plain clone has none."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real photographs beside the checkout (../shared/data)")
    return folder


Frozen = Callable[..., list[str]]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenes' file of scale smoke."""
    from bits.runs.datasets import make_dataset  # imports torch, which not every test needs

    with Composer("smoke") as composer:
        dataset = composer.compose("bits-fixed")[0].recipe.dataset
    path = tmp_path_factory.mktemp("scenes") / "scenes.safetensors"
    make_dataset(dataset, path)
    return path


@pytest.fixture
def composed(scenes: Path) -> Callable[..., Composed]:
    """composed(run, *overrides) -> a resolved run of five short epochs that finds its scenes."""

    def compose(run: str, *overrides: str) -> Composed:
        words = ["schedule.epochs=5", "curve.every_epochs=5", "optimizer.warmup_epochs=1", f"site.data.scenes={scenes}"]
        with Composer("smoke", [*words, *overrides]) as composer:
            made = composer.compose(run)[0]
        assert data_root(made.recipe.dataset, made.site.data) == str(scenes)
        return made

    return compose


@pytest.fixture
def frozen(composed: Callable[..., Composed]) -> Frozen:
    """frozen(folder, run, *overrides) -> the arguments of bits.commands.pretrain for that run in that folder."""

    def write(folder: Path, run: str, *overrides: str) -> list[str]:
        made = composed(run, *overrides)
        contents: dict[str, Any] = {
            "config": frozen_run(run, "imagenet1k", made.recipe),
            "site": made.site.model_dump(mode="json"),
        }
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
        words = ("--frozen", "config"), ("--site", "site")
        return [part for option, name in words for part in (option, str(folder / f"{name}.yaml"))]

    return write
