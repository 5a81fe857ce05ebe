"""Which images and classes of a data set its policy leaves out, and what it refuses. Never imports torch."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bits.data.fingerprint import digests
from bits.data.listing import Listing
from bits.data.looks import Look, known_looks, looks
from bits.data.source import open_source

if TYPE_CHECKING:
    from bits.config.policy import Policy
    from bits.config.recipe import Dataset

Reason = Literal["broken", "oblong", "ambiguous", "copies"]
REASONS: tuple[Reason, ...] = ("broken", "oblong", "ambiguous", "copies")
Found = Mapping[Reason, Mapping[str, str]]  # reason -> image's name in the source -> what is wrong with it


@dataclass(frozen=True)
class Exclusions:
    """images: name in the source -> why it is left out. classes: likewise."""

    images: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> list[list[str]]:
        """What of them is part of the data set's identity; empty where nothing is left out."""
        return [sorted(self.images), sorted(self.classes)] if self.images or self.classes else []

    def applied(self, listing: Listing) -> Listing:
        """A split without them."""
        return listing.without(self.images.keys(), self.classes.keys()) if self.identity else listing


def troubles(
    listings: Mapping[str, Listing], digest_of: Mapping[str, str], look_at: Mapping[str, Look], policy: Policy
) -> dict[Reason, dict[str, str]]:
    """Everything that a policy speaks of, whatever it says of it; images that are left out are no copies of others.

    look_at: what is known of the images; of others it is not known whether they are broken or oblong.
    """
    found: dict[Reason, dict[str, str]] = {"broken": {}, "oblong": {}}
    for path, look in look_at.items():
        if look.problem:
            found["broken"][path] = look.problem
        elif look.shape > policy.longest:
            found["oblong"][path] = f"{look.width} x {look.height} px"
    gone = {path for reason in ("broken", "oblong") for path in excluded(found, reason, policy)}
    found["ambiguous"] = _ambiguous(listings, digest_of, gone)
    gone |= set(excluded(found, "ambiguous", policy))
    found["copies"] = _copies(listings, digest_of, gone)
    return found


def excluded(found: Found, reason: Reason, policy: Policy) -> Mapping[str, str]:
    """The images that are left out for a reason."""
    return found[reason] if getattr(policy, reason) == "exclude" else {}


def _ambiguous(listings: Mapping[str, Listing], digest_of: Mapping[str, str], gone: set[str]) -> dict[str, str]:
    """Images whose bytes stand in another class as well -> the first such image."""
    first: dict[str, tuple[str, frozenset[str]]] = {}
    other: dict[str, str] = {}
    paths: dict[str, list[str]] = defaultdict(list)
    for listing in listings.values():
        named = {labels: frozenset(listing.class_names[label] for label in labels) for labels in set(listing.labels)}
        for path, labels in zip(listing.paths, listing.labels, strict=True):
            if path in gone or path not in digest_of:
                continue
            digest = digest_of[path]
            paths[digest].append(path)
            if first.setdefault(digest, (path, named[labels]))[1] != named[labels]:
                other.setdefault(digest, path)
    return {
        path: other[digest] if path != other[digest] else first[digest][0]
        for digest in other
        for path in dict.fromkeys(paths[digest])
    }


def _copies(listings: Mapping[str, Listing], digest_of: Mapping[str, str], gone: set[str]) -> dict[str, str]:
    """Training images whose bytes are those of a val image -> that image."""
    if "train" not in listings:
        return {}
    val = {digest_of[path]: path for path in reversed(listings["val"].paths) if path not in gone and path in digest_of}
    train = (path for path in listings["train"].paths if path not in gone)
    return {path: val[digest_of[path]] for path in train if digest_of.get(path) in val}


def exclusions(dataset: Dataset, place: str, listings: Mapping[str, Listing]) -> Exclusions:
    """What is left out of the splits. Decodes images that were not checked before where the policy needs it."""
    policy = dataset.policy
    if not policy.excludes:
        return Exclusions()
    found = found_at(dataset, place, listings, decode=policy.looks)
    images = {path: reason for reason in REASONS for path in excluded(found, reason, policy)}
    classes = small_classes(listings, images, policy) if policy.small_classes == "exclude" else {}
    return Exclusions(images, classes)


def found_at(
    dataset: Dataset, place: str, listings: Mapping[str, Listing], decode: bool
) -> dict[Reason, dict[str, str]]:
    """`troubles` of the images at a place; decode: whether images that were not checked before are decoded now."""
    source, digest_of = open_source(Path(place)), digests(Path(place))
    wanted = {path: digest_of[path] for listing in listings.values() for path in listing.paths if path in digest_of}
    seen = looks(source, wanted, dataset.max_side) if decode else known_looks(Path(place), wanted)
    return troubles(listings, wanted, seen, dataset.policy)


def small_classes(listings: Mapping[str, Listing], gone: Mapping[str, str], policy: Policy) -> dict[str, str]:
    """Classes that a split has no image of, or val fewer than `least_images`, once images are gone -> why."""
    counts = {split: _counts(listing, gone) for split, listing in listings.items()}
    names = dict.fromkeys(name for listing in listings.values() for name in listing.class_names)
    least = {split: policy.least_images if split == "val" else 1 for split in listings}
    why = {
        name: [f"{counts[split][name]} in {split}" for split in listings if counts[split][name] < least[split]]
        for name in names
    }
    return {name: " and ".join(few) for name, few in why.items() if few}


def _counts(listing: Listing, gone: Mapping[str, str]) -> Counter[str]:
    pairs = zip(listing.paths, listing.labels, strict=True)
    return Counter(listing.class_names[label] for path, labels in pairs if path not in gone for label in labels)
