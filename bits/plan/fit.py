"""Whether the data that are here can serve what is planned: found before the first job, not by the last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from bits.config.recipe import Dataset
from bits.data.kind import Check, kind_of
from bits.data.layout import SAME_CLASSES, differ, some
from bits.errors import DatasetError
from bits.exhibits import Measure
from bits.plan.model import PRETRAINING_ROLE, DataRemark, Evaluation, Run


class Uses(NamedTuple):
    """What is done with the data set of one role: trained on, measured, and `shown` of it."""

    role: str
    runs: list[Run]
    evaluations: list[Evaluation]
    shown: list[Measure]

    @property
    def keys(self) -> tuple[str, str]:
        """Where the settings of the evaluations and of the runs' curves are changed."""
        if self.role == PRETRAINING_ROLE:
            return "evaluation", "curve"
        return f"targets.{self.role}.evaluation", "finetuning.curve"

    @property
    def policy(self) -> str:
        """Where the data set's policy is changed."""
        return "dataset.policy" if self.role == PRETRAINING_ROLE else f"targets.{self.role}.policy"

    def settings(self, evaluator: str) -> list[Any]:
        """Of every evaluation that asks for it."""
        asked = (one.settings.evaluators() for one in self.evaluations)
        return [evaluators[evaluator] for evaluators in asked if evaluator in evaluators]


class Counts(NamedTuple):
    """Images of both splits, and those of each class of val; no class of val where they cost time to count."""

    train: int
    val: int
    val_classes: Mapping[str, int]


class Examined(NamedTuple):
    """unfit: why a data set that is here can't serve what is planned. remarks: what should be known of it, although
    nothing stops."""

    unfit: list[DataRemark]
    remarks: list[DataRemark]


def examined(dataset: Dataset, root: str, uses: Uses) -> Examined:
    """What a look at a data set's names, digests and counts shows, each with its remedy; images are not decoded."""
    try:
        counts, problems = _counts(dataset, root)
        checks = _checks(dataset, root)
    except DatasetError as error:
        return Examined(_told([error.told()], uses), [])
    refused = [(check.found, check.remedy) for check in checks if check.status == "error"]
    known = [(check.found, check.remedy) for check in checks if check.status != "error"]
    too_few = (*_batches(counts, uses), *_queries(counts, uses), *_drawn(counts, uses), *_neighbours(counts, uses))
    return Examined(_told([*problems, *refused, *too_few], uses), _told([*known, *_unmeasured(counts, uses)], uses))


def _told(found: Iterable[tuple[str, str]], uses: Uses) -> list[DataRemark]:
    return [DataRemark(role=uses.role, found=what, remedy=remedy) for what, remedy in found]


def require_fit(run: Run, root: str) -> None:
    """For a run outside of a plan: raises DatasetError where its data can't serve it."""
    problems = examined(run.recipe.dataset, root, Uses(run.role, [run], [], [])).unfit
    if problems:
        raise DatasetError("\n".join(f"{root}: {problem}" for problem in problems))


def _checks(dataset: Dataset, root: str) -> Sequence[Check]:
    kind = kind_of(dataset)
    return kind.remarks(dataset, root) if kind.remarks else ()


def _counts(dataset: Dataset, root: str) -> tuple[Counts, list[tuple[str, str]]]:
    """(counts, what is wrong with the classes). Raises DatasetError where the splits can't be listed."""
    kind = kind_of(dataset)
    if kind.prepare is not None:  # its classes follow from its settings, and are the same in both splits
        sizes = kind.sizes(dataset, root)
        return Counts(sizes.train, sizes.val, {}), []
    facts = {split: kind.split_facts(dataset, root, split) for split in kind.splits}
    val = facts["val"]
    if "train" not in facts:
        return Counts(0, val.images, val.images_per_class), []
    train = facts["train"]
    differences = differ(list(train.images_per_class), list(val.images_per_class))
    return Counts(train.images, val.images, val.images_per_class), [(differences, SAME_CLASSES)] if differences else []


def _batches(counts: Counts, uses: Uses) -> Iterator[tuple[str, str]]:
    if not counts.train and uses.runs:
        yield "has no training images, and cannot be trained on", "Choose a data set with a training split."
        return
    whole = [run.recipe.schedule.batch_size for run in uses.runs if run.recipe.schedule.images_per_epoch is None]
    for batch in sorted({batch for batch in whole if batch > counts.train}):
        yield (
            f"{counts.train:,} training images do not fill a batch, schedule.batch_size = {batch}",
            f'Add images, or say set="schedule.batch_size={counts.train}" (or less).',
        )


def _queries(counts: Counts, uses: Uses) -> Iterator[tuple[str, str]]:
    evaluation, curve = uses.keys
    asked = [(f"{evaluation}.retrieval", settings) for settings in uses.settings("retrieval")]
    asked += [(f"{curve}.retrieval", run.recipe.curve.retrieval) for run in uses.runs]
    queries = {key: settings.queries_per_class for key, settings in asked if settings.protocol == "query-gallery"}
    small = {name: count for name, count in counts.val_classes.items() if count <= max(queries.values(), default=0)}
    if not (queries and small):  # of a set with several labels a class may have no image
        return
    least = min(small.values())
    named = [f"{name} ({count})" for name, count in sorted(small.items(), key=lambda item: item[1])]
    said = " and ".join(f"{key}.queries_per_class = {count}" for key, count in queries.items())
    words = [
        f"{key}.queries_per_class={least - 1}" if least > 1 else f"{key}.protocol=each-against-all" for key in queries
    ]
    least_wanted = max(queries.values()) + 1
    left_out = f"{uses.policy}.small_classes=exclude {uses.policy}.least_images={least_wanted}"
    yield (
        f"{len(small):,} of {len(counts.val_classes):,} val classes have too few images for {said}, which leave no "
        f"gallery: {some(named)}",
        f"Give every class of val at least {least_wanted} images, or say "
        f'set="{" ".join(words)}", or leave such classes out: set="{left_out}".',
    )


def _drawn(counts: Counts, uses: Uses) -> Iterator[tuple[str, str]]:
    evaluation, curve = uses.keys
    asked = {
        **{f"{curve}.retrieval.queries": run.recipe.curve.retrieval.queries for run in uses.runs},
        **{f"{evaluation}.retrieval.queries": settings.queries for settings in uses.settings("retrieval")},
    }
    for key, queries in asked.items():
        if queries is not None and queries >= counts.val:
            found = f"{counts.val:,} val images are too few for {queries:,} queries and a gallery"
            yield found, f'Add images, or say set="{key}={max(counts.val // 10, 1)}".'


def _neighbours(counts: Counts, uses: Uses) -> Iterator[tuple[str, str]]:
    key = f"{uses.keys[0]}.knn.ks"
    if not counts.train:  # the plan refuses what would read training images
        return
    for ks in sorted({tuple(knn.ks) for knn in uses.settings("knn")}):
        if min(ks) > counts.train:
            yield (
                f"{counts.train:,} training images are fewer than every number of neighbours, {key} = {list(ks)}",
                f'Add images, or say set="{key}=[{max(counts.train // 2, 1)}]"; cells of other k stay empty.',
            )


def _unmeasured(counts: Counts, uses: Uses) -> Iterator[tuple[str, str]]:
    ks = {k for knn in uses.settings("knn") for k in knn.ks if k > counts.train}
    shown = sorted(k for k in ks if any(one.evaluator == "knn" and one.metric.endswith(f"_k{k}") for one in uses.shown))
    if shown and not list(_neighbours(counts, uses)):
        found = f"{counts.train:,} training images are fewer than k = {', '.join(map(str, shown))} of k-NN"
        yield found, "Its cells will be marked as not measured. Add training images to fill them."
