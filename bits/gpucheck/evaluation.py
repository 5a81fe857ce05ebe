"""The evaluation of one trained backbone on the device against the same on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

from bits.evaluation.declaration import evaluators
from bits.evaluation.subject import Subject
from bits.gpucheck.markdown import table
from bits.gpucheck.part import Bench, CheckError, Found, Part
from bits.gpucheck.small import QUICK, composed, length, subject, trained
from bits.runs.build import choose_device

RUN = "bits-fixed"
# Evaluator, its number, how far device and CPU may be apart (fractions of 1). Features differ in their last digits
# (sums are taken in another order), which swaps the ranks of images that are about equally similar, and a
# probe drifts over its steps.
NUMBERS = (
    ("knn", "top1_k20", 0.01),
    ("retrieval", "map", 0.005),
    ("linear", "last", 0.02),
)
COSINE = 1e-4  # 1 - cosine of an image's features on the device and on the CPU, at most


def run(bench: Bench) -> Found:
    """Features of both splits, then each number. Raises CheckError beyond a tolerance."""
    # The probe takes new crops every epoch, so that it also compares the views and the backbone on them.
    probe = {"evaluation": {"linear": {"augment": True, "epochs": 3}}}
    made = composed(bench, RUN, length(QUICK if bench.quick else 20), probe)
    folder = bench.scratch / "evaluation"
    trained(made, RUN, folder)
    places = {"device": choose_device(made.site), "cpu": torch.device("cpu")}
    subjects = {place: subject(made, folder, RUN, device, folder / place) for place, device in places.items()}
    rows = {}
    for split in ("train", "val"):
        rows[f"features, {split}"] = features(subjects, split)
        yield f"features, {split}", rows[f"features, {split}"]
    for evaluator, name, tolerance in NUMBERS:
        values = {place: _value(one, evaluator, name, made.evaluation) for place, one in subjects.items()}
        apart = abs(values["device"] - values["cpu"])
        row = {**values, "difference": apart, "tolerance": tolerance, "passed": apart <= tolerance}
        rows[f"{evaluator}, {name}"] = row
        yield f"{evaluator}, {name}", row
    wrong = [name for name, row in rows.items() if not row["passed"]]
    if wrong:
        raise CheckError(f"the device and the CPU are further apart than stated: {'; '.join(wrong)}")


def features(subjects: Mapping[str, Subject], split: Any) -> dict[str, Any]:
    """How far the features of the same images are apart: by angle, and by their largest absolute difference."""
    one, other = (subjects[place].features(split) for place in ("device", "cpu"))
    apart = float((1 - F.cosine_similarity(one.double(), other.double(), dim=1)).max())
    return {
        "difference": max(apart, 0.0),
        "tolerance": COSINE,
        "passed": apart <= COSINE,
        "largest_absolute": float((one - other).abs().max()),
        "std": float(other.std()),
        "shape": list(one.shape),
    }


def _value(one: Subject, evaluator: str, name: str, settings: Any) -> float:
    return float(evaluators()[evaluator].measure(one, getattr(settings, evaluator))[name])


def text(found: Mapping[str, Any]) -> str:
    keys = "device", "cpu", "difference", "tolerance", "largest_absolute", "std"
    rows = [
        [f"{name}{'' if row['passed'] else ' FAILED'}", *(row.get(key) for key in keys)] for name, row in found.items()
    ]
    head = "", "device", "CPU", "difference", "tolerance", "largest difference of a feature", "their deviation"
    said = "Of features: the largest 1 - cosine of an image's two vectors. All other numbers are fractions of 1."
    return f"{table(head, rows)}\n\n{said}"


PART = Part("evaluation", "Evaluation on the device against the CPU", 0.1, run, text)
