"""Try settings of a small scale: train each, measure it, and append a line to a file.

    python -m benchmarks.tries TRIES.yaml RESULTS.jsonl [--scale demo] [--at-once 2] [--only NAME ...]

TRIES.yaml maps the name of a try to its run and overrides: `narrow: {run: bits-fixed, set: "head.outputs=32"}`; a
reference may be measured instead, as in {run: bits-fixed, source: pixels}. Tries in RESULTS.jsonl are not repeated. A
line holds the name, run and overrides, how the run ended and its channel stood, mAP over epochs, mAP and k-NN accuracy
(k = 20) of the teacher at the end, and seconds of CPU. `--table` prints RESULTS.jsonl as Markdown instead.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
import yaml

from bits.config.compose import Composer
from bits.gpucheck.markdown import table
from bits.gpucheck.small import trained
from bits.gpucheck.study import measured
from bits.runs.datasets import dataset_root, make_dataset

SHOWN = ("channel", "map", "knn", "code_entropy", "bits_sent_per_bit", "bits_sent", "cosine")


def attempt(name: str, scale: str, run: str, words: list[str], source: str | None = None) -> dict[str, Any]:
    """Train and measure one try in a temporary folder. source: a reference to measure instead."""
    with Composer(scale, words) as composer:
        made, _ = composer.compose(run)
    torch.set_num_threads(1)
    make_dataset(made.recipe.dataset, dataset_root(made.recipe.dataset, made.site))
    values: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "run"
        if source is None:
            trained(made, run, folder)
            outcome = json.loads((folder / "outcome.json").read_text())
            found = json.loads((folder / "curve.json").read_text())["values"]
            values = {key: outcome[key] for key in ("outcome", "channel")}
            values["curve"] = found["training"]["map"]["y"]
            values |= {key: value for key, value in found["channel"].items() if value is not None}
        shares = measured(made, folder, source or run)
        values |= {"map": shares["retrieval"], "knn": shares["knn"]}
    return {"name": name, "run": source or run, "set": " ".join(words), **values, "cpu_seconds": time.process_time()}


def shown(results: Path) -> str:
    """The tries as a Markdown table."""
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    cells = [[row["name"], row["run"], f"`{row['set']}`", *(_cell(row.get(key)) for key in SHOWN)] for row in rows]
    return table(("try", "run", "overrides", *SHOWN), cells)


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value or "")


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.tries")
    parser.add_argument("tries", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--scale", default="demo")
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.table:
        print(shown(arguments.results))
        return 0
    tries = yaml.safe_load(arguments.tries.read_text())
    if arguments.one:
        given = tries[arguments.one]
        found = attempt(arguments.one, arguments.scale, given["run"], given.get("set", "").split(), given.get("source"))
        with arguments.results.open("a") as file:
            file.write(json.dumps(found) + "\n")
        return 0
    known = arguments.results.read_text().splitlines() if arguments.results.exists() else []
    done = {json.loads(line)["name"] for line in known}
    left = [name for name in arguments.only or tries if name not in done]
    words = [str(arguments.tries), str(arguments.results), "--scale", arguments.scale]

    def in_a_process(name: str) -> int:
        command = [sys.executable, "-m", "benchmarks.tries", *words, "--one", name]
        process = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        print(f"{name}: {'done' if not process.returncode else process.stderr[-800:]}", flush=True)
        return process.returncode

    with ThreadPoolExecutor(arguments.at_once) as pool:
        return max(pool.map(in_a_process, left), default=0)


if __name__ == "__main__":
    sys.exit(main())
