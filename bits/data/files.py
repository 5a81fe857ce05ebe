"""Kinds of data set that read image files: how they are listed says it all. Never imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bits.data.fingerprint import fingerprint, require_planned
from bits.data.kind import SPLITS, Check, DatasetKind, Labels, Sizes, SplitFacts
from bits.data.layout import Source
from bits.data.listing import Listing
from bits.data.source import open_source
from bits.records.digests import digest

if TYPE_CHECKING:
    from bits.config.recipe import Dataset
    from bits.data.images import ImageSet
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
        return digest([images, beside]) if beside else images

    def listing(self, dataset: Dataset, place: str, split: str) -> Listing:
        return self.listed(dataset, open_source(Path(place)), split)

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
        source = open_source(place)
        listing = self.listed(dataset, source, split)
        return ImageFiles(dataset.name, split, source, listing, dataset.max_side, self.several)

    def checks(self, dataset: Dataset, place: str, published: Mapping[str, int], quick: bool) -> list[Check]:
        from bits.data import file_checks

        return file_checks.checks(dataset, place, self._whole(dataset, place), published, quick)

    def remarks(self, dataset: Dataset, place: str) -> list[Check]:
        from bits.data import file_checks

        return file_checks.remarks(place, {split: self.listing(dataset, place, split) for split in self.splits})

    def canvas(self, dataset: Dataset, place: str) -> tuple[int, int]:
        from bits.data import file_checks

        return file_checks.looked_at(dataset, place, self._whole(dataset, place)).canvas

    def _whole(self, dataset: Dataset, place: str) -> dict[str, Listing]:
        """All that the splits hold, of every class."""
        every = dataset.model_copy(update={"classes": None})
        return {split: self.listing(every, place, split) for split in self.splits}
