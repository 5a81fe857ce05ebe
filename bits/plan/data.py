"""Where data sets lie, what identifies their content, and which are missing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from bits.config.recipe import Dataset
from bits.data.kind import kind_of
from bits.data.looks import seen_at
from bits.errors import DatasetError


def data_root(dataset: Dataset, data: Mapping[str, str | None]) -> str:
    """Where a data set lies, or will be made; "" when the user has not said. data: the site's places by name."""
    kind = kind_of(dataset)
    given = data.get(dataset.name)
    return kind.root(dataset, data.get(kind.within) if given is None and kind.within else given)


def is_own(role: str, dataset: Dataset) -> bool:
    """Whether the data set that plays a role is neither the paper's nor rendered to stand in for it, but the user's."""
    return dataset.name != role and kind_of(dataset).prepare is None


def called(role: str, dataset: Dataset) -> str:
    """What files and logs call the data set that plays a role: its own name if it is the user's."""
    return dataset.name if is_own(role, dataset) else role


def dataset_fingerprint(dataset: Dataset, root: str) -> str | None:
    """The identity of a data set's content, None when it is missing."""
    try:
        return kind_of(dataset).fingerprint(dataset, root) if root else None
    except DatasetError:
        return None


def manifest_path(folder: Path, role: str) -> Path:
    """Where a scale's folder keeps what is shared of a data set: its identity and counts, no images."""
    return folder / "data" / f"{role}.json"


def known_fingerprints(
    datasets: Mapping[str, Dataset], roots: Mapping[str, str], folder: Path
) -> tuple[dict[str, str | None], list[str]]:
    """(role -> identity of its data set, roles that are known from a shared manifest alone).

    The second are not on this machine. With their manifests a clone finds the results that somebody made from
    images that it does not have. Raises DatasetError for a manifest that is none.
    """
    here = {role: dataset_fingerprint(dataset, roots[role]) for role, dataset in datasets.items()}
    shared = {role: _shared(datasets[role], manifest_path(folder, role)) for role in here if here[role] is None}
    return {**here, **shared}, [role for role, found in shared.items() if found is not None]


def _shared(dataset: Dataset, path: Path) -> str | None:
    if not path.is_file():
        return None
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        return str(manifest["fingerprint"]) if manifest["name"] == dataset.name else None
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path}: no manifest of a data set ({error!r}). Remove it, or pull it again.") from error


def images_seen(datasets: Mapping[str, Dataset], roots: Mapping[str, str]) -> dict[str, str]:
    """Role -> how many images of its data set were decoded before, of sets that hold files; later it may be more."""
    held = {role: roots[role] for role, one in datasets.items() if kind_of(one).inspection is not None and roots[role]}
    return {role: seen for role, root in held.items() if (seen := seen_at(Path(root)))}


def why_missing(dataset: Dataset, root: str) -> str:
    """What is wrong with the place of a data set that has no fingerprint."""
    try:
        return kind_of(dataset).fingerprint(dataset, root) if root else "no path is given"
    except DatasetError as error:
        return str(error)


def is_default_place(dataset: Dataset, root: str) -> bool:
    """Whether the user has said nothing about where the data set lies."""
    return root in ("", f"data/{dataset.name}", f"data/{kind_of(dataset).within}")
