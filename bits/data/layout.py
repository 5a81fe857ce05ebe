"""Where the images of a split lie: <root>/<split>/<class>/<image>. Never imports torch.

Folders and archives answer the same three questions (`Source`), so the rules, and the hints given when they
are broken, are written once.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from bits.errors import DatasetError

LAYOUT = "a folder or zip with train/<class>/<image> and val/<class>/<image>"  # what is expected of a user's images
# Formats are told by content, whatever the suffix says (ImageNet holds a PNG named .JPEG). A short list, because some
# of Pillow's other readers start external programs.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "PPM", "TIFF", "GIF", "AVIF")
# Beyond torchvision's IMG_EXTENSIONS: other names of the formats above.
MORE_SUFFIXES = (".jpe", ".jfif", ".gif", ".avif", ".pbm", ".pnm")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp", *MORE_SUFFIXES)
# Images to whoever looks at the folder, but in formats that are not read.
UNREAD_SUFFIXES = (
    *(".heic", ".heif", ".hif", ".jxl", ".jp2", ".j2k", ".jpx", ".jxr", ".svg", ".ico", ".tga", ".psd", ".exr", ".hdr"),
    *(".dng", ".raw", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf"),
)
# What systems and servers of files keep for themselves: resource forks, thumbnails, bins, snapshots.
TOOL_FOLDERS = frozenset(
    (
        *("__MACOSX", "@eaDir", "#recycle", "@Recycle", "#snapshot", "@Recently-Snapshot"),
        *("lost+found", "$RECYCLE.BIN", "System Volume Information"),
    )
)
_READ, _UNREAD = frozenset(IMAGE_SUFFIXES), frozenset(UNREAD_SUFFIXES)
# Names of a split's folder, the best first. Birds525 has valid/, Pl@ntNet-300K has images_train/ and so on.
SPLIT_FOLDERS = {
    "train": ("train", "images_train"),
    "val": ("val", "validation", "valid", "images_val"),
    "test": ("test", "images_test"),
}


class Source(Protocol):
    """Image files by name; names use "/" and are relative to the root, "" is the root itself.

    Names are in Unicode's normal form NFC, however the disk or the zip spells them.
    """

    path: Path
    wrapped: bool  # whether everything may lie below one single top folder
    remark: str  # what was left out on opening, for error messages; "" when nothing was

    def folders(self, inside: str) -> list[str]:
        """Names of the folders directly inside, sorted."""

    def holds_images(self, inside: str) -> bool:
        """Whether an image lies directly inside."""

    def images(self, inside: str, classes: Sequence[str]) -> dict[str, list[str]]:
        """For each class folder the sorted names, relative to `inside`, of all images below it."""

    def unread(self, inside: str) -> list[str]:
        """Names of all files below that look like images and are not read: other formats, and what is no plain file."""

    def skipped(self, inside: str) -> list[str]:
        """Names of all files below that are taken for no image, whatever the reason, sorted."""

    def hidden(self, inside: str) -> list[str]:
        """Names of the folders directly inside that hold images, but are left out because a dot begins their names."""

    def notes(self, inside: str) -> list[str]:
        """Names of the plain files directly inside that are no images, sorted: lists, annotations, tables."""

    def read(self, name: str) -> bytes:
        """The content of an image or a note. Raises DatasetError."""

    def describe(self, name: str) -> str:
        """How to name the file in an error message."""


def suffix_of(name: str) -> str:
    """The end of a name from its last dot, in small letters."""
    return name[name.rfind(".") :].lower()


def is_image(name: str) -> bool:
    """Whether the name ends like that of an image file that is read."""
    return name[name.rfind(".") :].lower() in _READ  # not by suffix_of: asked of millions of names


def is_unread_image(name: str) -> bool:
    """Whether the name ends like that of an image in a format that is not read."""
    return suffix_of(name) in _UNREAD


def is_hidden(part: str) -> bool:
    """Dot files, and folders of tools."""
    return part.startswith(".") or part in TOOL_FOLDERS


def why_skipped(name: str) -> str:
    """Why a file is taken for no image, from its name below the split's folder."""
    *folders, file = name.split("/")
    tools = [part for part in folders if is_hidden(part)]
    if tools:
        return f"in {tools[0]}, a folder of a tool" if tools[0] in TOOL_FOLDERS else f"in {tools[0]}, a hidden folder"
    if file.startswith("._"):
        return "what macOS keeps beside a file"
    if is_hidden(file):
        return "a hidden file"
    if is_unread_image(file):
        return f"an image in a format that is not read ({suffix_of(file)})"
    return "no plain file" if is_image(file) else "not named like an image"


def is_hidden_class(name: str) -> bool:
    """Whether a folder may have been meant for a class, and not for the notes of a tool, although a dot begins it."""
    return name.startswith(".") and name != ".ipynb_checkpoints"


def nfc(name: str) -> str:
    """The name in Unicode's normal form NFC: macOS writes the same letters otherwise (NFD) than Linux and Windows."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def join(*parts: str) -> str:
    """A relative name; empty parts vanish."""
    return "/".join(part for part in parts if part)


def images_below(source: Source, folder: str) -> list[str]:
    """Sorted names, relative to the folder, of all images below it; none where there is no such folder."""
    above, _, name = folder.rpartition("/")
    return [image.removeprefix(f"{name}/") for image in source.images(above, [name])[name]]


def class_order(names: Sequence[str]) -> list[str]:
    """Sorted as text, or as integers when all are digits (ImageNetV2's folders 0 to 999)."""
    if all(name.isascii() and name.isdecimal() for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def accepted_folders(split: str, eval_split: str = "val") -> tuple[str, ...]:
    """Names of folders that can play the split, best first. eval_split: the folder that is preferred for "val"."""
    if split != "val":
        return SPLIT_FOLDERS[split]
    return SPLIT_FOLDERS[eval_split] + SPLIT_FOLDERS["test" if eval_split == "val" else "val"]


def locate(source: Source, split: str, eval_split: str = "val") -> str:
    """Name of the split's folder inside the source. Raises DatasetError with a hint when there is none.

    eval_split: whether "val" or "test" plays split "val" where both are there; the other one does where it is alone.
    """
    accepted = accepted_folders(split, eval_split)
    top = source.folders("")
    bases = [""]
    holding_more = [name for name in top if source.folders(name)]
    if source.wrapped and len(holding_more) == 1:
        bases.append(holding_more[0])
    for base in bases:
        present = source.folders(base)
        for name in accepted:
            if name in present:
                return join(base, name)
    raise DatasetError(_no_split(source, accepted, top))


def class_name(folder: str) -> str:
    """The class that a folder stands for: spaces count once, at the ends not. Birds525 has one too many in train."""
    return " ".join(part for part in folder.split(" ") if part) or folder


def _folders_of_classes(where: str, folders: Sequence[str]) -> dict[str, str]:
    """Class -> its folder; raises DatasetError where two are one class."""
    found: dict[str, str] = {}
    for folder in folders:
        if (other := found.setdefault(class_name(folder), folder)) != folder:
            raise DatasetError(
                f"{where} has the class folders {other!r} and {folder!r}, whose names differ in spaces alone.\n"
                "Put their images into one of them, or give them other names."
            )
    return found


def classes_and_images(
    source: Source, folder: str, classes: int | None, empty_too: bool = False
) -> dict[str, list[str]]:
    """Class names in label order, each with its sorted image names relative to the split's folder.

    classes: keep the first so many. Raises DatasetError: no class folders, too few, or, unless empty_too, empty ones.
    """
    where = f"{source.path}: {folder}"
    folders = _folders_of_classes(where, source.folders(folder))
    names = class_order(list(folders))
    if not names:
        loose = "images lie directly in it" if source.holds_images(folder) else "it holds no images"
        raise DatasetError(
            f"{where} has no class folders; {loose}.{source.remark}\n"
            f"Expected {folder}/<class>/<image>. Sort the images into one folder per class."
        )
    if classes is not None and not 1 <= classes <= len(names):
        raise DatasetError(
            f"{where} has {len(names)} class folders, but classes = {classes} were asked for.\n"
            f"Set classes to a number from 1 to {len(names)}, or leave it out to use them all."
        )
    images = source.images(folder, [folders[name] for name in names[:classes]])
    found = {name: images[folders[name]] for name in names[:classes]}
    empty = [name for name, images in found.items() if not (images or empty_too)]
    if empty:
        raise DatasetError(
            f"{where}: {len(empty)} of {len(found)} class folders hold no image: {some(empty)}."
            f"{source.remark}\nExpected files ending in {', '.join(IMAGE_SUFFIXES)}. Fill these folders or remove them."
        )
    _refuse_undecodable(where, found)
    return found


SAME_CLASSES = (
    "Labels are positions in the sorted class folders: give both splits the same, or remove the others; "
    "policy.small_classes=exclude leaves them out."
)


def differ(train: Sequence[str], val: Sequence[str]) -> str:
    """How the classes of two splits differ: "class b only in train"; "" where they are the same."""
    alone = [(sorted(set(train) - set(val)), "train"), (sorted(set(val) - set(train)), "val")]
    said = [f"class{'es' * (len(names) > 1)} {some(names)} only in {split}" for names, split in alone if names]
    return " and ".join(said) or ("" if list(train) == list(val) else "the classes are in another order")


def _refuse_undecodable(where: str, found: dict[str, list[str]]) -> None:
    """Raises DatasetError for file names that are not UTF-8, because reports and digests need text."""
    for names in found.values():
        suspects = [name for name in names if not name.isascii()]
        odd = next((name for name in suspects if any("\ud800" <= char <= "\udfff" for char in name)), None)
        if odd is not None:
            raise DatasetError(f"{where}: the name {odd!r} is not UTF-8. Rename the file (convmv does many).")


def counted(count: int, thing: str) -> str:
    """ "1 image", "1,200 images"."""
    return f"{count:,} {thing}{'s' * (count != 1)}"


def some(names: Sequence[str], most: int = 8) -> str:
    """The first names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _no_split(source: Source, accepted: Sequence[str], top: Sequence[str]) -> str:
    wanted = " or ".join(f'"{name}"' for name in accepted if not name.startswith("images_"))
    return (
        f"{source.path} has no folder {wanted}. It holds: {some(top) or 'no folders'}.{source.remark}\n"
        f"Expected {accepted[0]}/<class>/<image>. {_hint(source, accepted, top)}"
    )


def _hint(source: Source, accepted: Sequence[str], top: Sequence[str]) -> str:
    deeper = [name for name in top if set(accepted) & set(source.folders(name))]
    classes = [name for name in top if source.holds_images(name)]
    if deeper and source.wrapped:
        return f'The split lies in "{deeper[0]}", beside others: leave at most one top folder in the zip.'
    if deeper:
        return f'The split is one level further down: point the root at "{deeper[0]}" inside it.'
    known = {name for names in SPLIT_FOLDERS.values() for name in names}
    if classes and source.path.name in known:
        return f"This looks like the {source.path.name} split itself: point the root at {source.path.parent}."
    if classes and not set(top) & known:
        return f'These look like class folders: move them into a folder named "{accepted[0]}".'
    if source.holds_images("") and not top:
        return "The images lie directly in the root, which is two levels too deep."
    return "Point the root at the folder or zip that holds the split, or rename the split's folder."
