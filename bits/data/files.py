"""Kinds of data set that read image files: how they are listed says it all. Never imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from bits.data.exclusions import Exclusions, exclusions
from bits.data.fingerprint import fingerprint, require_planned
from bits.data.kind import SPLITS, Check, DatasetKind, Labels, Sizes, SplitFacts
from bits.data.layout import Source
from bits.data.listing import Listing
from bits.data.source import open_source
from bits.records.digests import digest

if TYPE_CHECKING:
    from bits.config.recipe import Dataset
    from bits.data.images import ImageSet
    from bits.data.inspection import Inspection
    from bits.data.videos import VideoSet

PHOTOGRAPH = (375, 500)  # px, a usual image of ImageNet


def no_settings(dataset: Dataset) -> None:
    """Raises ValueError where a kind without settings is given some."""
    if dataset.settings:
        raise ValueError(f"settings = {dataset.settings}: the kind {dataset.kind} has none")


def nothing_beside(dataset: Dataset, source: Source) -> str:
    """Listings follow from the images' names alone."""
    return ""


def file_kind(
    *,
    name: str,
    layout: str,
    listing: Callable[[Dataset, Source, str], Listing],
    labels: tuple[Labels, ...] = ("classes",),
    splits: tuple[str, ...] = SPLITS,
    check_settings: Callable[[Dataset], None] = no_settings,
    beside: Callable[[Dataset, Source], str] = nothing_beside,
    within: str | None = None,
    videos: Callable[[Dataset, Path], VideoSet] | None = None,
) -> DatasetKind:
    """A kind whose images are files in a folder or a zip, wherever the site says.

    name, layout, labels, check_settings, within, videos: see `DatasetKind`. listing(dataset, source, split): the images
    of a split, of the first `dataset.classes` classes; raises DatasetError. splits: those that the kind has.
    beside(dataset, source): identity of what listings follow from besides images, as lists and annotations; "" where
    that is nothing.
    """
    files = _Files(listing, splits, "several" in labels, beside)
    return DatasetKind(
        name=name,
        labels=labels,
        layout=layout,
        check_settings=check_settings,
        root=lambda dataset, given: given or "",
        fingerprint=files.fingerprint,
        splits=splits,
        listing=files.listing,
        sizes=files.sizes,
        split_facts=files.split_facts,
        image_size=lambda dataset: PHOTOGRAPH,
        open=files.open,
        checks=files.checks,
        remarks=files.remarks,
        inspection=files.inspection,
        canvas=files.canvas,
        within=within,
        videos=videos,
    )


@dataclass(frozen=True)
class _Files:
    """What follows from how the images of a split are listed. several: whether an image may have several labels."""

    listed: Callable[[Dataset, Source, str], Listing]
    splits: tuple[str, ...]
    several: bool
    beside: Callable[[Dataset, Source], str]

    def fingerprint(self, dataset: Dataset, place: str) -> str:
        images = fingerprint(Path(place))
        beside = self.beside(dataset, open_source(Path(place)))
        gone = self.exclusions(dataset, place).identity
        if gone:
            return digest([images, beside, gone])
        return digest([images, beside]) if beside else images

    def listing(self, dataset: Dataset, place: str, split: str) -> Listing:
        listed = self.listed(dataset, open_source(Path(place)), split)
        return self.exclusions(dataset, place).applied(listed)

    def exclusions(self, dataset: Dataset, place: str) -> Exclusions:
        """What the policy leaves out; found once a process for as long as the images are the same."""
        if not dataset.policy.excludes:
            return Exclusions()
        said = dataset.model_dump_json(exclude={"title", "fingerprint"})
        return _exclusions(self, said, place, fingerprint(Path(place)))

    def sizes(self, dataset: Dataset, place: str) -> Sizes:
        found = {split: self.listing(dataset, place, split) for split in self.splits}
        counts = {split: len(listing.names) for split, listing in found.items()}
        return Sizes(counts.get("train", 0), counts["val"], len(found[self.splits[0]].class_names))

    def split_facts(self, dataset: Dataset, place: str, split: str) -> SplitFacts:
        found = self.listing(dataset, place, split)
        return SplitFacts(found.folder.rpartition("/")[2], len(found.names), found.images_per_class)

    def open(self, dataset: Dataset, place: Path, split: str) -> ImageSet:
        from bits.data.images import ImageFiles

        if dataset.fingerprint is not None:
            require_planned(place, dataset.fingerprint, self.fingerprint(dataset, str(place)))
        listing = self.listing(dataset, str(place), split)
        return ImageFiles(dataset.name, split, open_source(place), listing, dataset.max_side, self.several)

    def checks(self, dataset: Dataset, place: str, published: Mapping[str, int], quick: bool) -> list[Check]:
        from bits.data import file_checks

        every = dataset.model_copy(update={"classes": None})
        return file_checks.checks(dataset, place, self.everything(every, place), published, quick)

    def remarks(self, dataset: Dataset, place: str) -> list[Check]:
        from bits.data import file_checks

        return file_checks.remarks(dataset, place, self.everything(dataset, place), self.exclusions(dataset, place))

    def canvas(self, dataset: Dataset, place: str) -> tuple[int, int]:
        from bits.data import file_checks

        every = dataset.model_copy(update={"classes": None})
        return file_checks.canvas(dataset, place, self.everything(every, place))

    def inspection(self, dataset: Dataset, place: str, published: Mapping[str, int]) -> Inspection:
        from bits.data.inspection import inspected

        listings, gone = self.everything(dataset, place), self.exclusions(dataset, place)
        return inspected(dataset, place, listings, gone, published)

    def everything(self, dataset: Dataset, place: str) -> dict[str, Listing]:
        """All that the splits hold, with what the policy leaves out."""
        source = open_source(Path(place))
        return {split: self.listed(dataset, source, split) for split in self.splits}


@lru_cache(maxsize=16)
def _exclusions(files: _Files, said: str, place: str, identity: str) -> Exclusions:
    """Of a data set, given as JSON, whose images have an identity."""
    from bits.config.recipe import Dataset

    dataset = Dataset.model_validate_json(said)
    return exclusions(dataset, place, files.everything(dataset, place))
