"""Notes on images, as data sets come with: lists of names, annotations, tables of labels. Never imports torch."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from bits.data.layout import Source, counted, join, nfc, some
from bits.errors import DatasetError

WHOLE = "Unpack or copy the data set again, all of its archives into one folder."


def base_with(source: Source, note: str, bases: Sequence[str]) -> str | None:
    """The first of some folders of the source, "" for its root, below which a note lies; None where there is none.

    A zip may hold everything below one top folder of any name.
    """
    top = source.folders("") if source.wrapped else []
    wrapped = [join(folder, base) for folder in top for base in ("", *bases)]
    return next((base for base in (*bases, *wrapped) if has(source, join(base, note))), None)


def has(source: Source, name: str) -> bool:
    """Whether the source has that note."""
    folder, _, file = name.rpartition("/")
    return file in source.notes(folder)


def digest_of(source: Source, names: Sequence[str]) -> str:
    """Of the content of some notes. Raises DatasetError."""
    digest = hashlib.sha256()
    for name in names:
        content = content_of(source, name)
        digest.update(b"%b:%d:" % (name.encode(), len(content)))
        digest.update(content)
    return digest.hexdigest()


def lines_of(source: Source, name: str) -> list[str]:
    """The lines of a note that are not empty, in NFC. Raises DatasetError: not there, or no UTF-8."""
    return [line for line in map(str.strip, nfc(_text(source, name)).splitlines()) if line]


def json_of(source: Source, name: str, wanted: Collection[str]) -> dict[str, Any]:
    """A note of JSON, an object of which only the `wanted` keys of every inner object are kept.

    Annotations hold outlines of every object, a hundred times what is wanted. Raises DatasetError.
    """

    def needed(found: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in found.items() if key in wanted}

    try:
        content = json.loads(_text(source, name), object_hook=needed)
    except ValueError as error:
        raise DatasetError(f"{source.describe(name)} is no JSON: {error}. {WHOLE}") from error
    if not isinstance(content, dict):
        raise DatasetError(f"{source.describe(name)} holds no JSON object. {WHOLE}")
    return content


def content_of(source: Source, name: str) -> bytes:
    """The bytes of a note. Raises DatasetError where it is not there."""
    if not has(source, name):
        raise DatasetError(f"{source.path} has no {name}, which says what its images show. {WHOLE}")
    return source.read(name)


def _text(source: Source, name: str) -> str:
    try:
        return content_of(source, name).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{source.describe(name)} is no UTF-8 text: {error}. {WHOLE}") from error


def require_there(source: Source, note: str, named: Sequence[str], there: Collection[str]) -> None:
    """Raises DatasetError where a note names images that are not there, or one twice."""
    twice = [name for name, count in Counter(named).items() if count > 1]
    if twice:
        raise DatasetError(
            f"{source.describe(note)} names {counted(len(twice), 'image')} more than once: {some(twice, 3)}.\n{WHOLE}"
        )
    present = set(there)
    absent = [name for name in named if name not in present]
    if absent:
        raise DatasetError(
            f"{source.describe(note)} names {counted(len(absent), 'image')} that {_are(len(absent))} not there: "
            f"{some(absent, 3)}.\n{WHOLE}"
        )


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
