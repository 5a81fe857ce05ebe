"""Pretrain one run.

    python -m bits.commands.pretrain run=bits-reset scale=demo [key=value ...] [--multirun] [--cfg job] [--help]
    python -m bits.commands.pretrain --frozen results/demo/runs/<id>/config.yaml --site results/demo/sites/<digest>.yaml

The first form composes the configuration with Hydra; the second is what the workflow calls and reads a frozen one.
Writes into the run's folder: teacher, student and heads as safetensors, config.yaml, outcome.json, curve.json,
provenance.json, log.jsonl. Started again after a kill, it goes on from its newest checkpoint.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bits.commands.guard import guarded
from bits.config.declared import CONFIG_DIR
from bits.config.frozen import read_site
from bits.config.validation import validated
from bits.errors import BitsError
from bits.plan import (
    PRETRAINING_ROLE,
    RESULTS,
    dataset_fingerprint,
    fingerprinted,
    freeze,
    frozen_run,
    resume_folder,
    run_id,
)
from bits.plan.fit import require_fit
from bits.plan.runs import planned_run, read_frozen_run
from bits.workflow.options import hydra_words


def frozen(arguments: argparse.Namespace) -> int:
    """The workflow's form: everything from frozen files."""
    from bits.runs.train import train

    name, role, recipe = read_frozen_run(arguments.frozen)
    site = read_site(arguments.site, arguments.threads)
    return train(recipe, site, name, role, arguments.frozen.parent, arguments.start)


def composed(values: Mapping[str, Any], name: str, study: str | None = None) -> int:
    """Hydra's form: name the run by its digest, make the data set if it can be made, train.

    study: whose folder the run goes to; None: that of the scale.
    """
    from bits.runs.datasets import dataset_root, make_dataset
    from bits.runs.train import train  # after Hydra: --help and --cfg answer without importing torch
    from bits.training.possession import let_go

    run = validated(values)
    if run.seeds is not None:
        raise BitsError("seeds is for the workflow; here a seed is seed=1, and several are seed=0,1,2 --multirun")
    root = dataset_root(run.recipe.dataset, run.site)
    make_dataset(run.recipe.dataset, root)
    found = dataset_fingerprint(run.recipe.dataset, str(root))
    recipe = fingerprinted(run.recipe, found)
    folder = RESULTS / (study or values["scale"]["name"]) / "runs" / run_id(name, recipe)
    if (folder / "outcome.json").exists():
        print(f"{folder} holds this very run already; remove it to train anew")
        return 0
    role = PRETRAINING_ROLE
    require_fit(planned_run(name, recipe, role, folder.parents[1], run.site.scratch), str(root))
    freeze(folder / "config.yaml", frozen_run(name, role, recipe))
    code = train(recipe, run.site, name, role, folder)
    if code == 0 and os.environ.get("RANK", "0") == "0":  # of several processes, one speaks
        let_go(folder, resume_folder(folder, run.site.scratch))
        print(folder)
    return code


def hydra_main() -> int:
    """Compose with Hydra (overrides, --help, --cfg job, --multirun) and train."""
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import DictConfig, OmegaConf

    from bits.config.compose import check_overrides, free_form, register_runs

    options = [word for word in sys.argv[1:] if "=" not in word or word.startswith("-")]
    study, overrides = hydra_words([word for word in sys.argv[1:] if word not in options])
    check_overrides(overrides)
    register_runs()
    sys.argv[1:] = [*map(free_form, overrides), *options]
    codes: list[int] = []

    def job(config: DictConfig) -> None:
        values = OmegaConf.to_container(config, resolve=True)
        assert isinstance(values, dict)
        name = HydraConfig.get().runtime.choices["run"]
        code = guarded(lambda: composed({str(key): value for key, value in values.items()}, str(name), study))
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
    parser.add_argument("--site", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=0)
    # No option may begin one of torchrun's (--start-method), which reads the words of its script as well.
    parser.add_argument(
        "--from-run", type=Path, dest="start", help="folder of the pretraining that a fine-tuning goes on from"
    )
    return frozen(parser.parse_args())


if __name__ == "__main__":
    sys.exit(guarded(main))
