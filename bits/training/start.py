"""Starts a fine-tuning from its pretraining (Tables 8 and 14, Figure 7)."""

from __future__ import annotations

from pathlib import Path

from bits.config.recipe import Start
from bits.models.teacher_student import TeacherStudent
from bits.objectives.objective import Objective
from bits.training.checkpoint import CheckpointError, below, load_strictly
from bits.training.published import published_weights


def load_start(start: Start, folder: Path | None, model: TeacherStudent, objective: Objective) -> None:
    """Load both backbones, both heads and the objective's state (DINO's centre) of a finished pretraining.

    The optimiser starts afresh. Raises CheckpointError if the files are missing, damaged, changed or of another run.
    """
    if folder is None:
        raise CheckpointError(f"this fine-tuning starts from {start.run}: give its folder with --from-run")
    parts = {part: folder / f"{part}.safetensors" for part in ("student", "teacher", "heads")}
    found = {part: published_weights(path, start.digest)[0] for part, path in parts.items()}
    heads = found["heads"].tensors
    for name, branch in (("student", model.student), ("teacher", model.teacher)):
        load_strictly(branch.backbone, found[name].tensors, str(parts[name]))
        load_strictly(branch.head, below(name, heads), str(parts["heads"]))
    load_strictly(objective, below("objective", heads), str(parts["heads"]))
