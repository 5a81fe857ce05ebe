"""Pretrain one run.

    python -m bits.commands.pretrain run=bits-reset scale=demo [key=value ...] [--multirun] [--cfg job] [--help]
    python -m bits.commands.pretrain --frozen results/demo/runs/<id>/config.yaml --site results/demo/site.yaml

The first form composes the configuration with Hydra; the second is what the workflow calls and reads a frozen one.
Writes into the run's folder: teacher, student and heads as safetensors, config.yaml, outcome.json, curve.json,
provenance.json, log.jsonl. Started again after a kill, it goes on from its newest checkpoint.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bits.commands.running import (
    choose_device,
    dataset_root,
    guarded,
    objective_of,
    read_section,
    teacher_student,
)
from bits.compose import CONFIG_DIR, check_overrides, register_runs
from bits.data.datasets import missing_data, open_cached, prepare_scenes
from bits.data.errors import DatasetError
from bits.data.images import ImageSet
from bits.plan import data_root, dataset_fingerprint, fingerprinted, run_id
from bits.provenance import code_state, digest, file_digest, hardware, now, versions, write_json, write_text
from bits.recipe import Evaluation, Recipe, Site, validated


def train(recipe: Recipe, evaluation: Evaluation, site: Site, name: str, folder: Path) -> int:
    """Pretrain into `folder`; returns the exit code (0, or 128 + signal when stopped in a resumable state)."""
    from bits.evaluation.features import backbone_extractor, extract_all
    from bits.evaluation.protocol import retrieval_values
    from bits.training.interrupt import Interrupted
    from bits.training.loop import Pretraining

    started = now()
    device = choose_device(site)
    root = dataset_root(recipe.dataset, site)
    images, val = (open_cached(recipe.dataset, root, split, site) for split in ("train", "val"))
    retrieval = evaluation.retrieval.model_copy(update={"queries_per_class": recipe.curve.queries_per_class})

    def mean_average_precision(backbone: Any) -> float:
        was_training = backbone.training
        extract = backbone_extractor(
            backbone,
            resize=evaluation.features.resize,
            size=evaluation.features.size,
            mean=recipe.augmentation.mean,
            std=recipe.augmentation.std,
            blocks=1,
            device=device,
        )
        features = extract_all(extract, val, site.feature_batch, site.workers)
        backbone.train(was_training)
        return float(retrieval_values(features, val, retrieval)["map"])

    model = teacher_student(recipe)
    pretraining = Pretraining(recipe, site, model, objective_of(recipe), images, folder, device, mean_average_precision)
    try:
        outcome = pretraining.run()
    except Interrupted as stop:
        print(f"{folder.name}: {stop}", file=sys.stderr)
        return stop.exit_code
    _write_run(recipe, name, folder, pretraining, outcome.facts(), started, images, str(device))
    return 0


def _write_run(
    recipe: Recipe,
    name: str,
    folder: Path,
    pretraining: Any,
    outcome: dict[str, Any],
    started: str,
    images: ImageSet,
    device: str,
) -> None:
    from bits.training.checkpoint import prefixed, write_tensors

    model, objective = pretraining.model, pretraining.objective
    facts = {
        "run": digest(recipe.model_dump(mode="json")),
        "backbone": recipe.backbone.model_dump(mode="json"),
    }
    heads = {
        **prefixed("student", model.student.head.state_dict()),
        **prefixed("teacher", model.teacher.head.state_dict()),
        **prefixed("objective", objective.state_dict()),
    }
    write_tensors(folder / "heads.safetensors", heads, facts)
    write_tensors(folder / "student.safetensors", model.student.backbone.state_dict(), facts)
    write_tensors(folder / "teacher.safetensors", model.teacher.backbone.state_dict(), facts)
    write_json(folder / "outcome.json", outcome)
    provenance = {
        "run": folder.name,
        "digest": facts["run"],
        "seed": recipe.seed,
        "data": {"name": images.name, "fingerprint": recipe.dataset.fingerprint, "train_images": len(images)},
        "weights": {"teacher": file_digest(folder / "teacher.safetensors")},
        "code": code_state(),
        "versions": versions(),
        "hardware": {**hardware(), "device": device_name(device)},
        "command": sys.argv,
        "started": started,
        "finished": now(),
    }
    write_json(folder / "provenance.json", provenance)
    curve = {
        "source": name,
        "id": folder.name,
        "dataset": "imagenet1k",
        "resolved_dataset": recipe.dataset.name,
        "values": {"training": {"map": pretraining.curve}},
        "made_from": provenance["weights"],
        "provenance": provenance,
    }
    write_json(folder / "curve.json", curve)
    shutil.rmtree(folder / "resume", ignore_errors=True)


def device_name(device: str) -> str:
    """The accelerator's product name, or the processor."""
    import torch

    return torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu"


def frozen(arguments: argparse.Namespace) -> int:
    """The workflow's form: everything from frozen files."""
    recipe = read_section(arguments.frozen, Recipe, "recipe")
    name = yaml.safe_load(arguments.frozen.read_text())["name"]
    evaluation = read_section(arguments.evaluation, Evaluation, "evaluation")
    site = read_section(arguments.site, Site)
    if arguments.threads:
        site = site.model_copy(update={"threads": arguments.threads})
    return train(recipe, evaluation, site, name, arguments.frozen.parent)


def composed(values: Mapping[str, Any], name: str) -> int:
    """Hydra's form: name the run by its digest, make missing scenes, train."""
    run = validated(values)
    root = data_root(run.recipe.dataset, run.site.data)
    if run.recipe.dataset.kind == "scenes" and not Path(root).exists():
        prepare_scenes(run.recipe.dataset, Path(root))
    prints = {run.recipe.dataset.name: dataset_fingerprint(run.recipe.dataset, root)}
    if prints[run.recipe.dataset.name] is None and not root:
        raise DatasetError(missing_data(run.recipe.dataset.name))
    recipe = fingerprinted(run.recipe, prints)
    folder = Path(run.site.results) / values["scale"]["name"] / "runs" / run_id(name, recipe)
    if (folder / "outcome.json").exists():
        print(f"{folder} holds this very run already; remove it to train anew")
        return 0
    frozen_config = {"name": name, "recipe": recipe.model_dump(mode="json")}
    write_text(folder / "config.yaml", yaml.safe_dump(frozen_config, sort_keys=False))
    code = train(recipe, run.evaluation, run.site, name, folder)
    if code == 0:
        print(folder)
    return code


def hydra_main() -> int:
    """Compose with Hydra (overrides, --help, --cfg job, --multirun) and train."""
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import DictConfig, OmegaConf

    overrides = [word for word in sys.argv[1:] if "=" in word and not word.startswith("-")]
    check_overrides(overrides)
    register_runs()
    codes: list[int] = []

    def job(config: DictConfig) -> None:
        values = OmegaConf.to_container(config, resolve=True)
        assert isinstance(values, dict)
        name = HydraConfig.get().runtime.choices["run"]
        code = guarded(lambda: composed({str(key): value for key, value in values.items()}, str(name)))
        codes.append(code)
        if code > 128:
            raise SystemExit(code)

    hydra.main(config_path=str(CONFIG_DIR), config_name="pretrain", version_base="1.3")(job)()
    return max(codes, default=0)


def main() -> int:
    if "--frozen" not in sys.argv:
        return hydra_main()
    parser = argparse.ArgumentParser(prog="bits.commands.pretrain")
    parser.add_argument("--frozen", type=Path, required=True)
    parser.add_argument("--evaluation", type=Path, required=True)
    parser.add_argument("--site", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=0)
    return frozen(parser.parse_args())


if __name__ == "__main__":
    sys.exit(guarded(main))
