"""The file that holds prepared scenes: one safetensors file, written whole, read by memory map."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from torch import Tensor

from bits.data.errors import DatasetError
from bits.data.scene_factors import SceneSettings
from bits.data.scene_split import CHUNK, GENERATOR_VERSION, Arrays, render_split
from bits.data.scene_videos import render_videos

KIND = "bits-scenes"
REMAKE = "Remake it: delete the file and run the command again; the preparation step makes it in seconds."


def prepare(settings: SceneSettings, path: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Render everything that `settings` asks for into one safetensors file at `path`.

    Tensors: train/<name> and val/<name> as in `render_split`; video/frames uint8 [V, T, H, W, 3] and video/masks
    uint8 [V, T, H, W]. The file appears whole or not at all. progress(done, total) counts images and frames.
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
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    written = json.dumps(dataclasses.asdict(settings), sort_keys=True)
    try:
        save_file(tensors, unfinished, {"kind": KIND, "generator": GENERATOR_VERSION, "settings": written})
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def read_scenes(path: Path, prefix: str) -> tuple[SceneSettings, dict[str, Tensor]]:
    """The settings and the tensors below `prefix` ("train", "val", "video"), their names without it.

    The tensors lie in the mapped file: bytes are read when touched, and processes on one machine share them.
    Raises DatasetError: no file, no scenes in it, cut short or overwritten, another version of the generator.
    """
    if not path.is_file():
        raise DatasetError(
            f"{path}: there is no file of scenes here.\nMake it with bits.data.scenes.prepare(settings, path); "
            "the pipeline's preparation step does that."
        )
    try:
        with safe_open(path, framework="pt") as file:
            settings = _settings(path, file.metadata() or {})
            names = [name for name in file.keys() if name.startswith(f"{prefix}/")]  # noqa: SIM118 - not a dict
            return settings, {name.removeprefix(f"{prefix}/"): file.get_tensor(name) for name in names}
    except SafetensorError as error:
        raise DatasetError(
            f"{path}: not a whole safetensors file ({error}). It was cut short, overwritten, or is no file of "
            f"scenes.\n{REMAKE}"
        ) from error


def _settings(path: Path, metadata: dict[str, str]) -> SceneSettings:
    """The settings a file was made with. Raises DatasetError unless this generator made it."""
    if metadata.get("kind") != KIND:
        raise DatasetError(
            f"{path}: a safetensors file, but its metadata has kind = {metadata.get('kind')!r}, expected {KIND!r}.\n"
            "Give the path of a file of scenes made by the preparation step."
        )
    made_by = metadata.get("generator")
    if made_by != GENERATOR_VERSION:
        raise DatasetError(
            f"{path}: made by version {made_by} of the scene generator; this is version {GENERATOR_VERSION} and "
            f"draws other pixels.\n{REMAKE}"
        )
    return _parsed(path, metadata.get("settings", ""))


def _parsed(path: Path, written: str) -> SceneSettings:
    try:
        return SceneSettings(**json.loads(written))
    except (ValueError, TypeError) as error:
        raise DatasetError(f"{path}: its metadata does not hold the settings of scenes ({error}).\n{REMAKE}") from error
