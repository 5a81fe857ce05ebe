"""Data sets that may be fetched without an account, by the addresses and checksums that torchvision knows."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bits.config.near import did_you_mean
from bits.data.download import download
from bits.data.obtain import origins
from bits.errors import DatasetError

PLACE = Path("data")
WORKSHOP = ".fetch"  # folder beside the data sets for what is on its way


@dataclass(frozen=True)
class Archive:
    """An archive to fetch. folder: what of it, once unpacked, is the data set."""

    url: str
    md5: str
    folder: str


def _food101() -> Archive:
    from torchvision.datasets import Food101

    return Archive(Food101._URL, Food101._MD5, "food-101")


def _imagenette() -> Archive:
    from torchvision.datasets import Imagenette

    url, md5 = Imagenette._ARCHIVES["full"]
    return Archive(url, md5, "imagenette2")


def _voc2012() -> Archive:
    from torchvision.datasets import voc

    known = voc.DATASET_YEAR_DICT["2012"]
    return Archive(known["url"], known["md5"], known["base_dir"])


FETCHED: Mapping[str, Callable[[], Archive]] = {"food101": _food101, "inet10": _imagenette, "voc2012": _voc2012}


def fetch(name: str, to: Path | None = None) -> Path:
    """Download a data set, check and unpack it into `to` (data/<name>), and return that; one that is there is left.

    It appears in its place whole, or not at all. Raises DatasetError: no such set, no connection, a wrong checksum.
    """
    place = to or PLACE / name
    archive = _archive(name)
    if place.is_file() or (place.is_dir() and any(place.iterdir())):
        return place
    workshop = place.parent / WORKSHOP
    path = workshop / archive.url.rpartition("/")[2]
    download(archive.url, path, archive.md5)
    unpacked = workshop / f"{name}.unpacked"
    _unpack(path, unpacked, archive.folder)
    if place.exists():  # an empty folder, such as a workflow makes
        place.rmdir()
    (unpacked / archive.folder).replace(place)
    shutil.rmtree(unpacked)
    path.unlink()
    return place


def _archive(name: str) -> Archive:
    if name in FETCHED:
        return FETCHED[name]()
    if origin := origins().get(name):
        raise DatasetError(f"{name} can't be fetched. {origin.told}")
    raise DatasetError(f"{name}: no such data set to fetch{did_you_mean(name, FETCHED)}.")


def _unpack(path: Path, into: Path, folder: str) -> None:
    """Anew, whatever an attempt that was stopped left there."""
    from torchvision.datasets.utils import extract_archive

    shutil.rmtree(into, ignore_errors=True)
    try:
        extract_archive(path, into)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DatasetError(
            f"{path} can't be unpacked into {into}: {error}. Check the disk, then call again."
        ) from error
    if not (into / folder).is_dir():
        raise DatasetError(f"{path} holds no folder {folder}: another archive than expected. Unpack it by hand.")
