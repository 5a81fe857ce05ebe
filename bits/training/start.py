"""What a fine-tuning takes over from its pretraining (Table 8, Table 14, Figure 7)."""

from __future__ import annotations

from pathlib import Path

from bits.config.recipe import Start
from bits.models.teacher_student import TeacherStudent
from bits.objectives.objective import Objective
from bits.training.checkpoint import CheckpointError, below, load_strictly
from bits.training.published import published_weights


def load_start(start: Start, folder: Path | None, model: TeacherStudent, objective: Objective) -> None:
    """Put in what a finished pretraining left: both backbones, both heads, the objective's state (DINO's centre).

    The optimiser starts anew. Raises CheckpointError when the files are missing, damaged, changed or of another run.
    """
    if folder is None:
        raise CheckpointError(f"a fine-tuning goes on from {start.run}: say in which folder with --from-run")
    parts = {part: folder / f"{part}.safetensors" for part in ("student", "teacher", "heads")}
    found = {part: published_weights(path, start.digest)[0] for part, path in parts.items()}
    heads = found["heads"].tensors
    for name, branch in (("student", model.student), ("teacher", model.teacher)):
        load_strictly(branch.backbone, found[name].tensors, str(parts[name]))
        load_strictly(branch.head, below(name, heads), str(parts["heads"]))
    load_strictly(objective, below("objective", heads), str(parts["heads"]))
