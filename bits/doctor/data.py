"""Are the data sets of a scale there, whole, and readable?"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from bits.data.layout import Source, classes_and_images, join, locate
from bits.data.source import open_source
from bits.doctor.finding import Finding
from bits.errors import DatasetError

SUBJECT = "Data"
SPLITS = ("train", "val")
SAMPLE = 20  # images of a split that are decoded
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "PPM", "TIFF", "GIF")  # those of bits.data.decode, which imports torch
COPY_AGAIN = "Copy or unpack the data set again, then compare the number of files with the original's."

Images = Mapping[str, Sequence[str]]  # class -> names


def published_counts(config_dir: Path) -> dict[str, dict[str, int]]:
    """Data set -> {classes, train, val}."""
    counts: dict[str, dict[str, int]] = yaml.safe_load((config_dir / "counts.yaml").read_text())
    return counts


def image_counts(plan: Mapping[str, Any], published: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Role -> images of train and val, where they are known without counting."""
    known = {
        role: dataset["settings"] | published.get(dataset["name"], {}) for role, dataset in plan["datasets"].items()
    }
    return {
        role: {split: counts[split] for split in SPLITS} for role, counts in known.items() if set(SPLITS) <= set(counts)
    }


def absent(plan: Mapping[str, Any], role: str) -> list[Finding]:
    """A data set that is not there: missing, or left out with its exhibits."""
    dataset, root = plan["datasets"][role], plan["roots"][role]
    remedy = f"Put it there, or set site.data.{dataset['name']} to its folder or zip (config/site/local.yaml)."
    gap = next((gap for gap in plan["missing"] if gap["role"] == role), None)
    if gap:
        return [Finding(SUBJECT, "error", f"{dataset['title']}: {' '.join(gap['reason'].split())}", remedy)]
    lost = [name for name, reason in plan["left_out"].items() if role in reason]
    found = f"{dataset['title']}: nothing at {root or 'any place'}; left out: {', '.join(lost) or 'nothing'}"
    return [Finding(SUBJECT, "warning", found, remedy)]


def data_set(dataset: Mapping[str, Any], root: str, published: Mapping[str, int] | None, quick: bool) -> list[Finding]:
    """One data set: splits, classes, and unless quick the number of images and whether some can be decoded."""
    if dataset["kind"] == "scenes":
        state = "is there" if Path(root).is_file() else "will be rendered"
        return [Finding(SUBJECT, "ok", f"{dataset['title']}: {root} {state}")]
    try:
        source = open_source(Path(root))
        folders = {split: locate(source, split, dataset["eval_split"]) for split in SPLITS}
        classes = {split: source.folders(folder) for split, folder in folders.items()}
        expected = dict(published or {})
        if dataset["classes"]:
            expected["classes"] = dataset["classes"]
        stands_in = _stands_in(dataset, folders["val"])
        if stands_in:
            expected.pop("val", None)  # published of the other
        findings = [*stands_in, *_classes(dataset, classes, expected.get("classes"))]
        if quick:
            shown = f"{dataset['title']}: {len(classes['train'])} classes in {root}; images were not counted (--quick)"
            return findings or [Finding(SUBJECT, "ok", shown)]
        return [*findings, *_images(dataset, source, folders, expected)]
    except DatasetError as error:
        found, _, remedy = str(error).rpartition("\n")
        return [Finding(SUBJECT, "error", f"{dataset['title']}: {' '.join((found or remedy).split())}", remedy)]


def _stands_in(dataset: Mapping[str, Any], folder: str) -> list[Finding]:
    """That the evaluation images are not those which were asked for."""
    if dataset["eval_split"] != "test" or folder.rpartition("/")[2] == "test":
        return []
    found = f"{dataset['title']}: has no folder test, {folder} is evaluated instead"
    return [Finding(SUBJECT, "warning", found, "Add the test images, or say that it is meant: eval_split: val.")]


def _classes(dataset: Mapping[str, Any], classes: Mapping[str, Sequence[str]], wanted: int | None) -> list[Finding]:
    train, val = (set(classes[split]) for split in SPLITS)
    findings = []
    if train != val:
        odd = sorted(train ^ val)
        found = f"{dataset['title']}: {len(odd)} class folders are in one split only, as {', '.join(odd[:4])}"
        findings.append(
            Finding(SUBJECT, "error", found, "Labels are positions in the sorted folders: give both splits the same.")
        )
    if wanted and len(train) != wanted:
        found = f"{dataset['title']}: {len(train)} class folders in train, expected {wanted}"
        findings.append(Finding(SUBJECT, "error", found, COPY_AGAIN))
    return findings


def _images(
    dataset: Mapping[str, Any], source: Source, folders: Mapping[str, str], expected: Mapping[str, int]
) -> list[Finding]:
    findings, counted = [], []
    for split, folder in folders.items():
        images = classes_and_images(source, folder, None)
        names = [join(folder, name) for members in images.values() for name in members]
        counted.append(f"{len(names):,} {folder.rpartition('/')[2]}")
        findings += [*_count(dataset, split, len(names), expected.get(split)), *_readable(dataset, source, names)]
    whole = f"{dataset['title']}: {' and '.join(counted)} images in {source.path}, a sample of each can be read"
    return findings or [Finding(SUBJECT, "ok", whole)]


def _count(dataset: Mapping[str, Any], split: str, count: int, wanted: int | None) -> list[Finding]:
    if wanted is None or count == wanted:
        return []
    found = f"{dataset['title']}: {count:,} images in {split}, published with {wanted:,}"
    if count < wanted:
        return [Finding(SUBJECT, "error", found, COPY_AGAIN)]
    return [Finding(SUBJECT, "warning", found, "Remove what does not belong there, or say in the paper what this is.")]


def _readable(dataset: Mapping[str, Any], source: Source, names: Sequence[str]) -> list[Finding]:
    """Decode an evenly spaced sample, the same at every call."""
    sample = (
        [names[place * len(names) // SAMPLE] for place in range(min(SAMPLE, len(names)))]
        if len(names) > SAMPLE
        else names
    )
    problems = [problem for problem in (_problem(source, name) for name in sample) if problem]
    if not problems:
        return []
    remedy = (
        "Replace it with an intact copy; where many are broken, the disk or the copying is: copy the data set again."
    )
    found = f"{dataset['title']}: {len(problems)} of {len(sample)} images tried cannot be read, first {problems[0]}"
    return [Finding(SUBJECT, "error", found, remedy)]


def _problem(source: Source, name: str) -> str:
    try:
        with Image.open(io.BytesIO(source.read(name)), formats=FORMATS) as image:
            image.load()
    except Exception as error:  # Pillow raises almost any type for damaged files
        return f"{source.describe(name)} ({str(error).splitlines()[0]})"
    return ""
