"""What a split holds, without its pixels. Never imports torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bits.data.layout import Source, classes_and_images, join, locate


@dataclass(frozen=True)
class Listing:
    """The images of one split.

    folder: the split's place in the source, "" where the layout has no such folder. class_names: in label order.
    names: relative to the folder, distinct, in a fixed order (they become ImageSet.identities). labels: for each image
    its positions in class_names, at least one; one alone where images have one class. unlabelled: names of images that
    are left out, because nothing says what they show. known_as: the images' identities, where another layout of the
    same set has other names; empty where they are the names.
    """

    folder: str
    class_names: tuple[str, ...]
    names: tuple[str, ...]
    labels: tuple[tuple[int, ...], ...]
    unlabelled: tuple[str, ...] = ()
    known_as: tuple[str, ...] = ()

    @classmethod
    def by_class(cls, folder: str, images: Mapping[str, Sequence[str]]) -> Listing:
        """From the names of every class's images, in label order."""
        names = tuple(name for found in images.values() for name in found)
        labels = tuple(label for place, found in enumerate(images.values()) for label in [(place,)] * len(found))
        return cls(folder, tuple(images), names, labels)

    def without(self, paths: Collection[str], classes: Collection[str]) -> Listing:
        """Without some images, by their names in the source, and some classes, whose images go unless another class
        has them as well."""
        kept = [place for place, name in enumerate(self.class_names) if name not in classes]
        now = {place: position for position, place in enumerate(kept)}
        labels = [tuple(now[label] for label in own if label in now) for own in self.labels]
        rows = [row for row, path in enumerate(self.paths) if labels[row] and path not in paths]
        return replace(
            self,
            class_names=tuple(self.class_names[place] for place in kept),
            names=tuple(self.names[row] for row in rows),
            labels=tuple(labels[row] for row in rows),
            known_as=tuple(self.known_as[row] for row in rows) if self.known_as else (),
        )

    @property
    def identities(self) -> tuple[str, ...]:
        """One per image, distinct, stable across machines and layouts."""
        return self.known_as or self.names

    @property
    def paths(self) -> list[str]:
        """The images' names in the source."""
        return [join(self.folder, name) for name in self.names]

    @property
    def images_per_class(self) -> dict[str, int]:
        """In label order; an image with several labels counts for each."""
        tally = Counter(label for labels in self.labels for label in labels)
        return {name: tally[label] for label, name in enumerate(self.class_names)}


def list_folders(
    source: Source, split: str, eval_split: str = "val", classes: int | None = None, empty_too: bool = False
) -> Listing:
    """<split>/<class>/<image>; see `locate` for the split's folder, `classes_and_images` for the rest."""
    folder = locate(source, split, eval_split)
    return Listing.by_class(folder, classes_and_images(source, folder, classes, empty_too))
