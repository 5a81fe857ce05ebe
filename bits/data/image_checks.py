"""What is said of the images that a policy speaks of, and of those that are not read. Never imports torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bits.data.exclusions import REASONS, Exclusions, Found, Reason
from bits.data.kind import Check
from bits.data.layout import counted, some, suffix_of

if TYPE_CHECKING:
    from bits.config.policy import Policy

MOST_NAMED = 50  # broken images
LISTED = "bits check-data lists them all."
WHAT: Mapping[Reason, str] = {
    "broken": "that can't be decoded",
    "oblong": "much longer than wide",
    "ambiguous": "whose bytes stand in several classes",
    "copies": "in train whose bytes are those of a val image",
}


def said(found: Found, policy: Policy, place: str) -> Iterator[Check]:
    """A warning of what is kept or left out, an error of what is refused. place: before names of broken images."""
    from bits.data.picture import STARTS_ANEW

    for reason in REASONS:
        answer = getattr(policy, reason)
        if not found[reason]:
            continue
        if answer == "exclude":
            images = f"{counted(len(found[reason]), 'image')} {WHAT[reason]}, {some(list(found[reason]), 3)}"
            yield Check("warning", f"left out: {images}", LISTED)
            continue
        text, remedy = _told(reason, found[reason], policy, place)
        remedy += f" policy.{reason}=exclude leaves them out."
        if reason == "broken":
            remedy += f" {STARTS_ANEW.partition(':')[0].replace('Either', 'Each')}."
        yield Check("error" if answer == "refuse" else "warning", text, remedy)


def _told(reason: Reason, images: Mapping[str, str], policy: Policy, place: str) -> tuple[str, str]:
    """(what is wrong, what to do)."""
    count, (first, other) = len(images), next(iter(images.items()))
    if reason == "broken":
        named = [f"{place}/{name} {problem}" for name, problem in images.items()]
        remedy = "Replace them with intact copies, or remove them. If many are broken, so is the disk or the copy."
        return f"{counted(count, 'image')} can't be decoded: {some(named, MOST_NAMED)}", remedy
    if reason == "oblong":
        named = [f"{name} ({size})" for name, size in images.items()]
        found = f"{counted(count, 'image')} more than {policy.longest:g} times as long as wide: {some(named, 3)}"
        return found, "Crops of them show next to nothing: look at them."
    if reason == "ambiguous":
        found = f"{count:,} images are copies of each other in different classes, such as {first} and {other}"
        return found, "Nothing can tell their classes apart: keep each image in one class."
    copies = "training image is a copy of a val image" if count == 1 else "training images are copies of val images"
    found = f"{count:,} {copies}, such as {first} of {other}"
    return found, "Numbers of such a val are too good: remove the copies from one of the splits."


def classes_left_out(gone: Exclusions) -> Iterator[Check]:
    """That classes are left out, as a policy says."""
    if gone.classes:
        named = [f"{name} ({why})" for name, why in gone.classes.items()]
        yield Check("warning", f"left out: {_classes(len(named))} with too few images, {some(named)}", LISTED)


def _classes(count: int) -> str:
    return f"{count:,} class{'es' * (count != 1)}"


def not_read(unread: Sequence[str], hidden: Sequence[str]) -> Iterator[Check]:
    """Files that look like images but are not read, and folders of images whose names begin with a dot."""
    if unread:
        suffixes = ", ".join(f"{count:,} {suffix}" for suffix, count in Counter(map(suffix_of, unread)).most_common())
        found = f"not read, though named like images: {counted(len(unread), 'file')} ({suffixes}), {some(unread, 3)}"
        yield Check("warning", found, "Convert them to JPEG or PNG, or remove them; only plain files are read.")
    if hidden:
        folders = f"{counted(len(hidden), 'folder')} of images, {some(hidden, 3)}"
        yield Check(
            "warning", f"left out, because a dot begins their names: {folders}", "Rename those that are classes."
        )


def single(images_per_class: Mapping[str, int]) -> Iterator[Check]:
    """That val has classes with a single image."""
    alone = [name for name, count in images_per_class.items() if count == 1]
    if alone:
        found = f"{_classes(len(alone))} of val with a single image: {some(alone)}"
        remedy = "Among the others of val nothing is relevant to it. Add images, or say "
        yield Check("warning", found, f"{remedy}policy.small_classes=exclude and policy.least_images=2.")
