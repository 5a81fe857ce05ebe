"""What is measured of each run and reference, and which files hold the numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from bits.config.evaluation import EVALUATORS, EvaluationSettings
from bits.config.imports import BackboneRecipe
from bits.config.recipe import Dataset
from bits.config.section import Section
from bits.data.kind import LABELS_IN_WORDS, kind_of
from bits.errors import BitsError
from bits.evaluation.declaration import NOT_OF_A_REFERENCE, Evaluator
from bits.evaluation.declaration import evaluators as evaluator_declarations
from bits.exhibits import Declarations
from bits.plan.data import called
from bits.plan.imports import applies
from bits.plan.model import SHORT, TRAINING, Evaluation, Reference, ReferenceJob, Run
from bits.records.digests import digest

Metrics = dict[str, dict[str, Path]]


def references(labels: Mapping[str, str], runs: Iterable[Run]) -> dict[str, Reference]:
    """References by id, once for each of the runs that they stand beside, which differ in their seeds."""
    found = {}
    for run in runs:
        basis = reference_basis(run.recipe)[:SHORT]
        for name, label in labels.items():
            identity = f"{name}-{basis}"
            found[identity] = Reference(name=name, id=identity, seed=run.seed, label=label, run=run.id)
    return found


def reference_basis(recipe: BackboneRecipe) -> str:
    """Digest of what references depend on besides the data and the evaluation: nothing of how long a run is trained."""
    parts = recipe.model_dump(mode="json", include={"backbone", "augmentation", "seed"})
    return digest([parts[part] for part in ("backbone", "augmentation", "seed")])


def evaluation_of(role: str, dataset: Dataset, settings: EvaluationSettings) -> Evaluation:
    """An evaluation, named by what it measures and on which data: a title changes nothing."""
    values = {
        "role": role,
        "dataset": dataset.model_dump(mode="json", exclude={"title"}),
        "evaluation": settings.model_dump(mode="json"),
    }
    identity = digest(values)[:SHORT]
    return Evaluation(
        name=f"{called(role, dataset)}-{identity}", id=identity, role=role, dataset=dataset, settings=settings
    )


def evaluations(
    declarations: Declarations,
    datasets: Mapping[str, Dataset],
    shared: Mapping[str, EvaluationSettings],
    sources: Mapping[str, Iterable[str]],
    imported: Collection[str] = (),
) -> dict[str, dict[str, Evaluation]]:
    """id of a source -> data set role -> what is measured of it there. imported: names of those without a head.

    A source gets the evaluators that exhibits show of it on a data set, whether or not the data are here, and no
    others: a probe of 100 epochs for a run of which a table shows the mAP would cost more than the run.
    """
    found: dict[str, dict[str, Evaluation]] = {}
    known = evaluator_declarations()
    for (source, role), evaluators in sorted(_shown_evaluators(declarations, imported).items()):
        if role not in shared:
            continue
        for evaluator in sorted(evaluators):
            if evaluator not in shared[role].evaluators():
                raise BitsError(f"config: {role}: the evaluator {evaluator} is null, but exhibits show it of {source}")
            settings = shared[role].evaluators()[evaluator]
            check_fits(known[evaluator], settings, datasets[role], role, source, source in declarations.references)
        evaluation = evaluation_of(role, datasets[role], shared[role].only(evaluators))
        for identity in sources.get(source, ()):
            found.setdefault(identity, {})[role] = evaluation
    return found


def check_fits(
    evaluator: Evaluator, settings: Section, dataset: Dataset, role: str, source: str, is_reference: bool
) -> None:
    """Raise BitsError where an evaluator needs what a data set's images, or a reference, do not have."""
    kind = kind_of(dataset)
    where = f"config: {role}: the evaluator {evaluator.name}, which exhibits show of {source},"
    if not set(evaluator.labels) & set(kind.labels):
        wanted = " or ".join(LABELS_IN_WORDS[label] for label in evaluator.labels)
        there = " and ".join(LABELS_IN_WORDS[label] for label in kind.labels)
        raise BitsError(
            f"{where} needs images with {wanted}; those of {dataset.name} (kind {kind.name}) have {there}. "
            "Leave out the exhibits that show it (config/pending.yaml), or choose another data set."
        )
    if "video" in evaluator.needs and kind.videos is None:
        raise BitsError(f"{where} needs videos; {dataset.name} (kind {kind.name}) has none")
    if "train" not in kind.splits and evaluator.reads_train(settings):
        raise BitsError(
            f"{where} reads training images; {dataset.name} (kind {kind.name}) has none. "
            "Leave out the exhibits that show it (config/pending.yaml), or choose settings that read none."
        )
    needed = [need for need in evaluator.needs if need in NOT_OF_A_REFERENCE]
    if is_reference and needed:
        raise BitsError(f"{where} needs {needed[0]}, which a reference does not have")


def metrics_files(
    measured: Mapping[str, Mapping[str, Evaluation]], runs: Iterable[Run], untrained: Iterable[str], folder: Path
) -> Metrics:
    """id -> data set role or TRAINING -> file of the numbers. untrained: ids of references and imports."""
    files: Metrics = {run.id: {TRAINING: run.curve} for run in runs} | {identity: {} for identity in untrained}
    for identity, by_role in measured.items():
        for role, evaluation in by_role.items():
            files[identity][role] = folder / "metrics" / identity / f"{evaluation.name}.json"
    return files


def _shown_evaluators(declarations: Declarations, imported: Collection[str]) -> dict[tuple[str, str], set[str]]:
    """(source, data set role) -> the evaluators of which an exhibit shows something that it can have."""
    found: dict[tuple[str, str], set[str]] = {}
    for name in declarations.computable():
        for source, measure in declarations.exhibits[name].needs():
            shown = declarations.measures[measure]
            if shown.evaluator in EVALUATORS and (source not in imported or applies(shown)):
                found.setdefault((source, shown.dataset), set()).add(shown.evaluator)
    return found


def reference_jobs(references: Mapping[str, Reference], metrics: Metrics) -> tuple[ReferenceJob, ...]:
    """The jobs that evaluate references: those of one seed to which the same is done, in one process."""
    together: dict[tuple[str, int], dict[str, Path]] = {}
    beside: dict[tuple[str, int], str] = {}
    for identity, reference in references.items():
        for path in metrics[identity].values():
            key = path.stem, reference.seed
            together.setdefault(key, {})[identity] = path
            beside.setdefault(key, reference.run)
    return tuple(
        ReferenceJob(evaluation=name, seed=seed, run=beside[name, seed], files=files)
        for (name, seed), files in together.items()
    )
