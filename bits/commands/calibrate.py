"""Measure how fast this machine does a scale's work, so that `bits plan` need not assume it.

    bits calibrate [scale=demo] [key=value ...] [--seconds 20]

Times each distinct kind of training step (backbone, crops, head, batch, objective), feature extraction, probes and
ranking on the device that the site names, in one process, on the data where they are here and else on random images.
Writes results/<scale>/calibration.json. Nothing is trained: on a free machine it takes about `--seconds` a setting.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from bits.commands.guard import guarded
from bits.config.compose import CONFIG_DIR
from bits.config.evaluation import CentreCrop, Evaluation
from bits.config.recipe import Dataset, Recipe
from bits.config.site import Site
from bits.costs.assumptions import CPU, CostError, Images, image_counts, load_assumptions
from bits.costs.calibration import Calibration, Measured, extraction_key, numbers_key, training_key
from bits.costs.choose import CALIBRATION
from bits.costs.counts import Counts
from bits.costs.price import scale_folder
from bits.costs.rates import FlopRates
from bits.plan import current_plan
from bits.records.files import write_json
from bits.records.provenance import hardware, now, versions
from bits.workflow.options import requested
from bits.workflow.scheduler import Scheduler

MOST_PATIENCE = 60  # times --seconds that one training step may take by the FLOP model

Settings = Iterator[tuple[str, str, str, Callable[[float], float]]]  # part, key, in words, timed run


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="bits calibrate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("words", nargs="*", metavar="key=value", help="scale=NAME, and overrides of the configuration")
    parser.add_argument("--seconds", type=float, default=20.0, help="that each setting is timed for (20)")
    parser.add_argument("--out", type=Path, help="instead of results/<scale>/calibration.json")
    arguments = parser.parse_intermixed_args()
    if arguments.seconds <= 0:
        raise CostError(f"--seconds {arguments.seconds:g}: expected a number above 0")
    plan = current_plan(requested(arguments.words))
    path = arguments.out or scale_folder(plan) / CALIBRATION
    found = calibrated(plan, arguments.seconds)
    write_json(path, found.model_dump(mode="json"))
    print(f"wrote {path}: calibration {found.id} of {found.device}")
    return 0


def calibrated(plan: Mapping[str, Any], seconds: float) -> Calibration:
    """Time everything that the plan's runs need; raises CostError where that is hopeless on this device."""
    import torch

    from bits.runs.build import choose_device
    from bits.runs.timing import startup_seconds

    site = Site.model_validate(plan["site"])
    on = Scheduler(site, cluster="SLURM_JOB_ID" in os.environ)
    site = site.model_copy(update={"threads": on.threads("evaluate")})  # as the workflow's rules have it
    device = choose_device(site)
    cpu = device.type == "cpu"
    _require_feasible(plan, site, cpu, seconds)
    measured: dict[str, dict[str, Measured]] = {"training": {}, "extraction": {}, "probe": {}, "pairs": {}}
    images: list[str] = []
    load, cores = os.getloadavg()[0], hardware()["cores"]
    if load > 0.5 * cores:
        print(f"warning: the machine is busy (load {load:.1f} on {cores} cores), which slows what is measured")
    for part, key, what, timed in _settings(plan, site, device, images):
        if key in measured[part]:
            continue
        print(f"{part}: {what} ...", end=" ", flush=True)
        try:
            speed = timed(seconds)
        except torch.OutOfMemoryError as error:
            raise CostError(
                f"{what} does not fit the memory of {device}. Set site.micro_batch (images at a time), which changes "
                f"no number, and calibrate again with it ({str(error).splitlines()[0]})"
            ) from None
        print(f"{speed:,.0f}/s", flush=True)
        measured[part][key] = Measured(what=what, per_second=speed)
    started = startup_seconds()
    print(f"start of a process: {started:.1f} s")
    machine = hardware()
    return Calibration(
        scale=plan["scale"]["name"],
        device=machine["cpu"] if cpu else torch.cuda.get_device_name(device),
        cpu=cpu,
        threads=torch.get_num_threads(),
        versions=versions(),
        hardware=machine,
        date=now(),
        images=", ".join(images),
        startup_seconds=started,
        **measured,
    )


def _settings(plan: Mapping[str, Any], site: Site, device: Any, said: list[str]) -> Settings:
    """Everything to be timed, keys more than once; appends to `said` what images are used."""
    from bits.runs import timing

    runs = {run["id"]: Recipe.model_validate(run["recipe"]) for run in plan["runs"].values()}
    first = next(iter(runs.values()))
    counts = image_counts(plan, load_assumptions(CONFIG_DIR))
    sizes: Images = next(iter(counts.values()))
    dataset = Dataset.model_validate(next(iter(plan["datasets"].values())))
    at_least = max(*(recipe.schedule.batch_size for recipe in runs.values()), site.feature_batch)
    images, what = timing.timing_images(dataset, site, at_least, sizes.classes)
    said.append(what)
    print(f"images: {what}; device: {device}")
    for recipe in runs.values():
        yield (
            "training",
            training_key(recipe, site),
            _in_words(recipe),
            partial(timing.training_speed, recipe, site, images, device),
        )
    for spec in plan["evaluations"].values():
        if spec["role"] not in counts:
            continue
        settings = Evaluation.model_validate(spec["evaluation"])
        blocks, linear = settings.blocks, settings.linear
        evaluated = CentreCrop(resize=settings.features.resize, size=settings.features.size)
        for crop in (evaluated, first.curve.features):
            yield (
                "extraction",
                extraction_key(first.backbone, crop),
                f"features of {first.backbone.name}, {crop.size} px",
                partial(timing.extraction_speed, first, crop, blocks, site, images, device),
            )
        counted = Counts(scale_folder(plan) / "flops.json").backbone(first.backbone, evaluated.size)
        if linear:
            width, classes = counted.width * min(settings.tokens, counted.blocks), counts[spec["role"]].classes
            heads = len({linear.learning_rate, *linear.grid})
            yield (
                "probe",
                numbers_key(width, classes, heads),
                f"{heads} heads, {width} features, {classes} classes",
                partial(timing.probe_speed, width, classes, linear),
            )
        yield (
            "pairs",
            numbers_key(counted.width),
            f"similarities of {counted.width} features",
            partial(timing.ranking_speed, counted.width),
        )


def _in_words(recipe: Recipe) -> str:
    crops, head = recipe.crops, recipe.head
    outputs = f"{head.outputs}{f' and {head.prototypes} prototypes' if head.prototypes else ''}"
    terms = recipe.objective.model_dump().items()
    objective = " + ".join(
        f"{name}{f' ({words})' if (words := ', '.join(v for v in settings.values() if isinstance(v, str))) else ''}"
        for name, settings in terms
    )
    return (
        f"{recipe.backbone.name}, {recipe.schedule.batch_size} images of 2 x {crops.global_size} + {crops.n_local} x "
        f"{crops.local_size} px, head {outputs}, {objective}"
    )


def _require_feasible(plan: Mapping[str, Any], site: Site, cpu: bool, seconds: float) -> None:
    """Raise CostError where a single step would keep a CPU busy for ages."""
    if not cpu:
        return
    counts = Counts(scale_folder(plan) / "flops.json")
    model = FlopRates(CPU, load_assumptions(CONFIG_DIR), counts, site)
    for run in plan["runs"].values():
        recipe = Recipe.model_validate(run["recipe"])
        step = recipe.schedule.batch_size / model.training(recipe)
        if step > MOST_PATIENCE * seconds:
            raise CostError(
                f"a step of {run['name']} would take about {step / 60:,.0f} minutes on {site.threads} CPU core(s). "
                f"Calibrate on the machine that will train; bits plan scale={plan['scale']['name']} without a "
                "calibration uses the FLOP model."
            )


if __name__ == "__main__":
    sys.exit(guarded(main))
