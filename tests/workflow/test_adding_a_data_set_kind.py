"""A new kind of data set, one file, and data sets of known kinds, one YAML file each; nothing else is touched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from bits.exhibits import load_declarations
from bits.records.code import ROOT
from tests.data.pictures import image_folder
from tests.workflow.conftest import Project

pytestmark = pytest.mark.workflow
KIND = '''"""Arrays: an .npz of images with several labels each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bits.data.kind import SPLITS, Check, DatasetKind, Sizes, SplitFacts
from bits.errors import DatasetError

if TYPE_CHECKING:
    from bits.config.recipe import Dataset
    from bits.data.images import ImageSet

LAYOUT = "an .npz with <split>_images uint8 [N, H, W, 3], <split>_labels bool [N, K] and names [K]"


def read(place: Path | str) -> Any:
    import numpy as np

    try:
        return np.load(place)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{place}: {error}. Expected {LAYOUT}.") from error


def check_settings(dataset: Dataset) -> None:
    if dataset.settings or dataset.classes or dataset.max_side:
        raise ValueError("arrays are taken as they are: no settings, classes or max_side")


def fingerprint(dataset: Dataset, place: str) -> str:
    read(place)
    return hashlib.sha256(Path(place).read_bytes()).hexdigest()


def sizes(dataset: Dataset, place: str) -> Sizes:
    file = read(place)
    return Sizes(len(file["train_labels"]), len(file["val_labels"]), len(file["names"]))


def split_facts(dataset: Dataset, place: str, split: str) -> SplitFacts:
    file = read(place)
    labels = file[f"{split}_labels"]
    return SplitFacts("", len(labels), dict(zip(file["names"].tolist(), labels.sum(0).tolist(), strict=True)))


def open_split(dataset: Dataset, place: Path, split: str) -> ImageSet:
    import torch

    from bits.data.images import ImageSet

    if dataset.fingerprint not in (None, fingerprint(dataset, str(place))):
        raise DatasetError(f"{place}: holds other images than when this run was planned. Start the pipeline again.")

    class Arrays(ImageSet):
        def __init__(self) -> None:
            file = read(place)
            self.name, self.split, self.in_memory = dataset.name, split, True
            self.class_names = tuple(file["names"].tolist())
            self.multilabels = torch.from_numpy(file[f"{split}_labels"])
            self.labels = self.multilabels.to(torch.uint8).argmax(1)
            self.pixels = torch.from_numpy(file[f"{split}_images"]).permute(0, 3, 1, 2)
            self.identities = tuple(f"{split}/{index}" for index in range(len(self.pixels)))

        def decode(self, index: int) -> torch.Tensor:
            return self.pixels[index].contiguous()

    return Arrays()


def checks(dataset: Dataset, place: str, published: Mapping[str, int], quick: bool) -> list[Check]:
    found = sizes(dataset, place)
    return [Check("ok", f"{found.train} train and {found.val} val images in {place}")]


KIND = DatasetKind(
    name="arrays",
    labels=("several",),
    layout=LAYOUT,
    check_settings=check_settings,
    root=lambda dataset, given: given or "",
    fingerprint=fingerprint,
    sizes=sizes,
    split_facts=split_facts,
    image_size=lambda dataset: (24, 24),
    open=open_split,
    checks=checks,
)
'''
DATA_SET = "name: arrays\ntitle: arrays of noise\nkind: arrays\n"
EXHIBIT = """\
exhibits:
  extra-shared-labels:
    kind: grid
    title: Retrieval by shared labels
    section: Beyond the paper
    caption: mAP where an image is relevant that shares a label with the query.
    rows: [{label: BITS-fixed, run: bits-fixed}]
    columns: [{label: mAP, measure: imagenet1k.retrieval.map, extra: true}]
"""
DIGESTS = """\
import json
from bits.plan import Request, make_plan
from bits.workflow.code import code_of_evaluation, code_state_of
plan = make_plan(Request.of_scale("smoke"))
codes = {name: code_of_evaluation(one) for name, one in plan.evaluations.items()}
print(json.dumps({"plan": plan.digest, "runs": sorted(plan.runs), "metrics": {name: sorted(map(str, files.values()))
                  for name, files in plan.metrics.items()}, "evaluate": codes,
                  "code": [code_state_of(part) for part in ("train", "report")]}))
"""


def add_the_kind(folder: Path) -> None:
    (folder / "bits/data/kinds/arrays.py").write_text(KIND)
    (folder / "config/dataset/arrays.yaml").write_text(DATA_SET)


def show_its_retrieval_alone(folder: Path) -> None:
    """Leave out what the paper shows, which k-NN and linear probes are part of."""
    lines = [f"{name}: not asked for here\n" for name in load_declarations(ROOT / "config").exhibits]
    (folder / "config/pending.yaml").write_text("".join(lines))
    (folder / "config/exhibits/mine.yaml").write_text(EXHIBIT)


def write_arrays(path: Path) -> dict[str, np.ndarray]:
    """Noise with two labels an image, the first of which are the first four in turn."""
    random = np.random.default_rng(0)
    arrays = {"names": np.array(["red", "round", "large", "near", "loud"])}
    for split, count in (("train", 48), ("val", 40)):
        arrays[f"{split}_images"] = random.integers(0, 256, (count, 24, 24, 3), dtype=np.uint8)
        rows, first = np.arange(count), np.arange(count) % 4
        labels = np.zeros((count, 5), dtype=bool)
        labels[rows, first] = labels[rows, random.integers(first + 1, 5)] = True
        arrays[f"{split}_labels"] = labels
    np.savez(path, **arrays)
    return arrays


def mean_average_precision(features: np.ndarray, relevant: Any) -> float:
    """Every row against all others by cosine; relevant(i, j) says whether j is an answer to i."""
    rows = features.astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    total = 0.0
    for query in range(len(rows)):
        others = [item for item in range(len(rows)) if item != query]
        others.sort(key=lambda item: -float(rows[query] @ rows[item]))
        hits, precisions = 0, []
        for rank, item in enumerate(others, start=1):
            if relevant(query, item):
                hits += 1
                precisions.append(hits / rank)
        total += sum(precisions) / len(precisions) if precisions else 0.0
    return total / len(rows)


def test_kinds_and_data_sets_are_added_and_nothing_else_changes(project: Project) -> None:
    before = project.says(DIGESTS)
    (project.folder / "config/dataset/pets.yaml").write_text("name: pets\ntitle: Pets\nkind: images\n")
    add_the_kind(project.folder)
    assert project.says(DIGESTS) == before


def test_a_set_of_the_new_kind_is_planned_trained_and_searched_by_shared_labels(project: Project) -> None:
    add_the_kind(project.folder)
    show_its_retrieval_alone(project.folder)
    arrays = write_arrays(project.folder / "noise.npz")
    words = ("scale=smoke", "dataset=arrays", "site.data.arrays=noise.npz")
    planned = project.call("bits", "plan", *words, "evaluation.retrieval.protocol=each-against-all")
    assert planned.returncode == 0, planned.stderr
    assert "extra-shared-labels" in planned.stdout
    results = project.folder / "results/smoke"
    plan = json.loads((results / "plan.json").read_text())  # by hand: this process does not know the kind
    (identity,), (evaluation,) = plan["sources"]["bits-fixed"], plan["evaluations"]

    trained = project.call("bits.commands.pretrain", "run=bits-fixed", *words)
    assert trained.returncode == 0, trained.stderr
    assert trained.stdout.split()[-1] == f"results/smoke/runs/{identity}", "the run that was planned"
    curve = json.loads((results / "runs" / identity / "curve.json").read_text())
    assert curve["values"]["training"]["map"]["y"]

    (site,) = (results / "sites").iterdir()
    files = {
        "--run": results / "runs" / identity / "config.yaml",
        "--evaluation": results / "evaluations" / f"{evaluation}.yaml",
        "--site": site,
    }
    options = [str(word) for option in files.items() for word in option]
    metrics = plan["metrics"][identity]["imagenet1k"]
    evaluated = project.call("bits.commands.evaluate", *options, "--job", f"{identity}={metrics}")
    assert evaluated.returncode == 0, evaluated.stderr
    values = json.loads((project.folder / metrics).read_text())["values"]
    assert list(values) == ["retrieval"]

    (file,) = (results / "features" / identity).glob("imagenet1k-val-*.safetensors")
    features, labels = load_file(file)["features"], arrays["val_labels"]
    shared = mean_average_precision(features, lambda i, j: bool((labels[i] & labels[j]).any()))
    assert values["retrieval"]["map"] == pytest.approx(shared, abs=1e-6)
    first = labels.argmax(1)
    assert abs(shared - mean_average_precision(features, lambda i, j: first[i] == first[j])) > 0.05


def test_evaluators_that_want_one_class_an_image_are_refused_when_it_is_planned(project: Project) -> None:
    add_the_kind(project.folder)
    write_arrays(project.folder / "noise.npz")
    words = ("scale=smoke", "dataset=arrays", "site.data.arrays=noise.npz")
    refused = project.call("bits", "plan", "--list", *words)
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    said = (
        "needs images with one class each; those of arrays (kind arrays) have several labels each. "
        "Leave out the exhibits that show it (config/pending.yaml), or choose another data set."
    )
    assert said in refused.stderr
    show_its_retrieval_alone(project.folder)
    for evaluator, metric in (("knn", "top1_k20"), ("linear", "last")):
        with project.edited("config/exhibits/mine.yaml", "retrieval.map", f"{evaluator}.{metric}"):
            refused = project.call("bits", "plan", "--list", *words)
        shown = f"config: imagenet1k: the evaluator {evaluator}, which exhibits show of bits-fixed,"
        assert f"{shown} {said}" in refused.stderr
    assert project.call("bits", "plan", "--list", *words).returncode == 0


def test_what_is_missing_or_wrong_is_said_in_the_kinds_words(project: Project) -> None:
    add_the_kind(project.folder)
    show_its_retrieval_alone(project.folder)
    words = ("--config", "scale=smoke", "set=dataset=arrays site.data.arrays=noise.npz")
    refused = project.snakemake("extra-shared-labels", *words)
    assert refused.returncode != 0
    assert "Expected an .npz with <split>_images uint8 [N, H, W, 3]" in refused.stderr
    assert "arrays: site.data.arrays = noise.npz" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_typo_in_the_kind_or_a_setting_that_it_does_not_take_is_refused(project: Project) -> None:
    add_the_kind(project.folder)
    words = ("scale=smoke", "dataset=arrays", "site.data.arrays=noise.npz")
    for old, new, message in (
        ("kind: arrays", "kind: arays", "dataset.kind = 'arays' is not one of arrays, coco, davis, "),
        (
            "kind: arrays",
            "kind: arrays\nmax_side: 64",
            "arrays are taken as they are: no settings, classes or max_side",
        ),
    ):
        with project.edited("config/dataset/arrays.yaml", old, new):
            refused = project.call("bits", "plan", "--list", *words)
        assert refused.returncode == 2
        assert message in refused.stderr
        assert "Traceback" not in refused.stderr


def test_a_set_of_a_known_kind_is_one_yaml_file(project: Project) -> None:
    (project.folder / "config/dataset/pets.yaml").write_text(
        "name: pets\ntitle: Cats and dogs\nkind: images\nclasses: 2\n"
    )
    counts = {split: {"cat": count, "dog": count, "emu": count} for split, count in (("train", 20), ("val", 6))}
    image_folder(project.folder / "pets", counts)
    words = ("scale=smoke", "dataset=pets", "site.data.pets=pets")
    planned = project.call("bits", "plan", "--list", *words)
    assert planned.returncode == 0, planned.stderr
    trained = project.call("bits.commands.pretrain", "run=bits-fixed", *words)
    assert trained.returncode == 0, trained.stderr
    assert trained.stdout.split()[-1] == str(project.run("bits-fixed").folder)
    missing = project.call("bits.commands.pretrain", "run=bits-fixed", *words[:2])
    assert missing.returncode == 2
    assert "site.data.pets: no path is given" in missing.stderr
