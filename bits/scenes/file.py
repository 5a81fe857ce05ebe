"""The file that holds prepared scenes: one safetensors file, written whole, read by memory map."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from torch import Tensor

from bits.errors import DatasetError
from bits.records.files import replacing
from bits.scenes.settings import GENERATOR_VERSION, SceneSettings
from bits.scenes.split import CHUNK, Arrays, render_split
from bits.scenes.videos import render_videos
from bits.tensors import checksum

KIND = "bits-scenes"
PREFIXES = ("train", "val", "video")
REMAKE = "Remake it: delete the file and run the command again; the preparation step makes it in seconds."


def prepare(settings: SceneSettings, path: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Render everything that `settings` asks for into one safetensors file at `path`.

    Tensors: train/<name> and val/<name> as in `render_split`; video/frames uint8 [V, T, H, W, 3] and
    video/masks uint8 [V, T, H, W]. The file appears whole or not at all. progress(done, total) counts images
    and frames.
    """
    total = settings.train + settings.val + settings.videos * settings.video_frames
    done, tensors = 0, Arrays()
    for split, count in (("train", settings.train), ("val", settings.val)):
        parts = []
        for start in range(0, count, 16 * CHUNK):
            parts.append(render_split(settings, split, start, min(16 * CHUNK, count - start)))
            done += len(parts[-1]["labels"])
            if progress is not None:
                progress(done, total)
        tensors |= {f"{split}/{name}": np.concatenate([part[name] for part in parts]) for name in parts[0]}
    tensors["video/frames"], tensors["video/masks"] = render_videos(settings, 0, settings.videos)
    _write(tensors, settings, path)
    if progress is not None:
        progress(total, total)


def _write(tensors: Arrays, settings: SceneSettings, path: Path) -> None:
    sums = {
        prefix: checksum(_below(prefix, tensors, lambda name: torch.from_numpy(tensors[name]))) for prefix in PREFIXES
    }
    written = {"generator": GENERATOR_VERSION, "settings": dataclasses.asdict(settings), "sha256": sums}
    with replacing(path) as unfinished:
        # One entry: safetensors writes several in random order, and the same scenes should be the same bytes.
        save_file(tensors, unfinished, {KIND: json.dumps(written, sort_keys=True)})


def read_scenes(path: Path, prefix: str) -> tuple[SceneSettings, dict[str, Tensor]]:
    """The settings and the tensors below `prefix` ("train", "val", "video"), their names without it.

    The tensors lie in the mapped file, whose pages processes on one machine share. All of them are read once, to be
    compared with the digest in the file; one from before there was a digest is taken as it is.
    Raises DatasetError: no file, no scenes in it, cut short, damaged or overwritten, another version of the generator.
    """
    if not path.is_file():
        raise DatasetError(
            f"{path}: there is no file of scenes here.\n"
            "Make it with bits.data.scene_set.prepare(settings, path); the preparation step does that."
        )
    try:
        with safe_open(path, framework="pt") as file:
            settings, sums = _settings(path, file.metadata() or {})
            found = _below(prefix, file.keys(), file.get_tensor)
    except SafetensorError as error:
        raise DatasetError(
            f"{path}: not a whole safetensors file ({error}).\n"
            f"It was cut short, overwritten, or holds something else. {REMAKE}"
        ) from error
    if prefix in sums and checksum(found) != sums[prefix]:
        raise DatasetError(f"{path}: damaged: {prefix} is not what was rendered, by the digest in the file.\n{REMAKE}")
    return settings, found


def _below(prefix: str, names: Iterable[str], tensor: Callable[[str], Tensor]) -> dict[str, Tensor]:
    """The tensors whose names start with `prefix`/, by the rest of their names."""
    start = f"{prefix}/"
    return {name.removeprefix(start): tensor(name) for name in names if name.startswith(start)}


def _settings(path: Path, metadata: dict[str, str]) -> tuple[SceneSettings, dict[str, str]]:
    """The settings a file was made with, and its parts' digests. Raises DatasetError unless this generator made it."""
    if KIND not in metadata:
        raise DatasetError(
            f"{path}: a safetensors file, but not of scenes: its metadata has no entry {KIND!r}.\n"
            "Give the path of a file made by the preparation step."
        )
    try:
        written = json.loads(metadata[KIND])
        made_by = written["generator"]
        if made_by != GENERATOR_VERSION:
            raise DatasetError(
                f"{path}: made by version {made_by} of the scene generator; this is version "
                f"{GENERATOR_VERSION} and draws other pixels.\n{REMAKE}"
            )
        return SceneSettings(**written["settings"]), written.get("sha256", {})
    except (ValueError, TypeError, KeyError) as error:
        raise DatasetError(
            f"{path}: its metadata does not hold the settings of scenes ({error!r}).\n{REMAKE}"
        ) from error
