"""Are the data sets of a scale there, complete, and readable?"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from bits.config.recipe import Dataset
from bits.costs.assumptions import Images
from bits.data.layout import Source, classes_and_images, join, locate
from bits.data.source import open_source
from bits.doctor.finding import Finding, Status
from bits.errors import DatasetError
from bits.plan import Plan

SUBJECT = "Data"
SPLITS = ("train", "val")
SAMPLE = 20  # images of a split that are decoded
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "PPM", "TIFF", "GIF")  # those of bits.data.decode, which imports torch
COPY_AGAIN = "Copy or unpack the data set again, then compare the number of files with the original's."


def absent(plan: Plan, role: str) -> list[Finding]:
    """A data set that is not there: missing, or left out with its exhibits."""
    dataset, root = plan.datasets[role], plan.roots[role]
    remedy = f"Put it there, or set site.data.{dataset.name} to its folder or zip (config/site/local.yaml)."
    gap = next((gap for gap in plan.missing if gap.role == role), None)
    if gap:
        return [Finding(SUBJECT, "error", f"{dataset.title}: {' '.join(gap.reason.split())}", remedy)]
    lost = [name for name, reason in plan.left_out.items() if role in reason]
    found = f"{dataset.title}: nothing at {root or 'any place'}; left out: {', '.join(lost) or 'nothing'}"
    return [Finding(SUBJECT, "warning", found, remedy)]


def data_set(dataset: Dataset, root: str, published: Images | None, quick: bool) -> list[Finding]:
    """One data set: splits, classes, and unless quick the number of images and whether a sample can be decoded."""
    if dataset.kind == "scenes":
        state = "is there" if Path(root).is_file() else "will be rendered"
        return [Finding(SUBJECT, "ok", f"{dataset.title}: {root} {state}")]
    try:
        return _Copy(dataset, open_source(Path(root)), published).findings(quick)
    except DatasetError as error:
        found, _, remedy = str(error).rpartition("\n")
        return [Finding(SUBJECT, "error", f"{dataset.title}: {' '.join((found or remedy).split())}", remedy)]


class _Copy:
    """A copy of a data set, opened. Raises DatasetError where a split is missing. folders: of the splits."""

    def __init__(self, dataset: Dataset, source: Source, published: Images | None) -> None:
        self.dataset, self.source, self.published = dataset, source, published
        self.folders = {split: locate(source, split, dataset.eval_split) for split in SPLITS}

    def findings(self, quick: bool) -> list[Finding]:
        """All that can be said of it."""
        classes = {split: self.source.folders(folder) for split, folder in self.folders.items()}
        wrong = [*self._stands_in(), *self._classes(classes)]
        if not quick:
            return [*wrong, *self._images()]
        shown = f"{len(classes['train'])} classes in {self.source.path}; images were not counted (--quick)"
        return wrong or [self._finding("ok", shown)]

    def _finding(self, status: Status, found: str, remedy: str = "") -> Finding:
        return Finding(SUBJECT, status, f"{self.dataset.title}: {found}", remedy)

    def _stands_in(self) -> list[Finding]:
        """That the evaluation images are not those which were asked for."""
        if not self._val_for_test():
            return []
        found = f"has no folder test, {self.folders['val']} is evaluated instead"
        return [self._finding("warning", found, "Add the test images, or confirm it with eval_split: val.")]

    def _val_for_test(self) -> bool:
        return self.dataset.eval_split == "test" and self.folders["val"].rpartition("/")[2] != "test"

    def _classes(self, classes: Mapping[str, Sequence[str]]) -> list[Finding]:
        train, val = (set(classes[split]) for split in SPLITS)
        findings = []
        if train != val:
            odd = sorted(train ^ val)
            found = f"{len(odd)} class folders are in one split only, such as {', '.join(odd[:4])}"
            remedy = "Labels are positions in the sorted folders: give both splits the same."
            findings.append(self._finding("error", found, remedy))
        wanted = self.dataset.classes or (self.published.classes if self.published else None)
        if wanted and len(train) != wanted:
            found = f"{len(train)} class folders in train, expected {wanted}"
            findings.append(self._finding("error", found, COPY_AGAIN))
        return findings

    def _images(self) -> list[Finding]:
        findings, counted = [], []
        for split, folder in self.folders.items():
            images = classes_and_images(self.source, folder, None)
            names = [join(folder, name) for members in images.values() for name in members]
            counted.append(f"{len(names):,} {folder.rpartition('/')[2]}")
            findings += [*self._count(split, len(names)), *self._readable(names)]
        whole = f"{' and '.join(counted)} images in {self.source.path}, a sample of each can be read"
        return findings or [self._finding("ok", whole)]

    def _count(self, split: str, count: int) -> list[Finding]:
        """Against the published number, which is of the test images where there are both."""
        if self.published is None or (split == "val" and self._val_for_test()):
            return []
        wanted = self.published.train if split == "train" else self.published.val
        if count == wanted:
            return []
        found = f"{count:,} images in {split}, published with {wanted:,}"
        if count < wanted:
            return [self._finding("error", found, COPY_AGAIN)]
        return [self._finding("warning", found, "Remove what does not belong there, or say in the paper what this is.")]

    def _readable(self, names: Sequence[str]) -> list[Finding]:
        """Decode an evenly spaced sample, the same at every call."""
        tried = min(SAMPLE, len(names))
        sample = [names[place * len(names) // tried] for place in range(tried)]
        problems = [problem for problem in (_problem(self.source, name) for name in sample) if problem]
        if not problems:
            return []
        found = f"{len(problems)} of {len(sample)} images tried cannot be read, first {problems[0]}"
        remedy = "Replace it with an intact copy. If many are broken, so is the disk or the copy: copy the set again."
        return [self._finding("error", found, remedy)]


def _problem(source: Source, name: str) -> str:
    try:
        with Image.open(io.BytesIO(source.read(name)), formats=FORMATS) as image:
            image.load()
    except Exception as error:  # Pillow raises almost any type for damaged files
        return f"{source.describe(name)} ({str(error).splitlines()[0]})"
    return ""
