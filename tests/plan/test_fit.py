"""Data that cannot serve what is planned: found when the plan is made, with class, key and remedy."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bits.errors import DatasetError
from bits.plan import PRETRAINING_ROLE, Plan, Request, current_plan, make_plan
from bits.plan.fit import Uses, examined, require_fit
from bits.plan.model import Evaluation
from bits.workflow.messages import remarks_message, unfit_message

Classes = dict[str, dict[str, int]]  # split -> class -> images
Found = Callable[..., tuple[list[str], list[str]]]


def folder(root: Path, classes: Classes) -> Path:
    """Files that are named as images; no two hold the same."""
    for split, counts in classes.items():
        for name, count in counts.items():
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                (root / split / name / f"{number}.png").write_text(f"{split}/{name}/{number}")
    return root


def zipped(root: Path) -> Path:
    with zipfile.ZipFile(f"{root}.zip", "w") as archive:
        for path in sorted(root.rglob("*.png")):
            archive.write(path, path.relative_to(root))
    return Path(f"{root}.zip")


def even(train: int = 40, val: int = 10, names: str = "ab") -> Classes:
    return {"train": dict.fromkeys(names, train), "val": dict.fromkeys(names, val)}


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """Of scale small, on a folder that can serve it."""
    root = folder(tmp_path_factory.mktemp("good") / "set", even(train=100))
    return make_plan(Request.of_scale("small", (f"site.data.images={root}",)))


@pytest.fixture
def found(plan: Plan, tmp_path: Path) -> Found:
    """found(classes) -> (why they are unfit, remarks), the same of a folder and of a zip."""
    uses = Uses(
        role=PRETRAINING_ROLE,
        runs=[run for run in plan.runs.values() if run.role == PRETRAINING_ROLE],
        evaluations=[one for one in plan.evaluations.values() if one.role == PRETRAINING_ROLE],
        shown=[],
    )
    dataset = plan.datasets[PRETRAINING_ROLE]

    def look(classes: Classes, **changed: object) -> tuple[list[str], list[str]]:
        root = folder(tmp_path / "set", classes)
        answers = []
        for place in (root, zipped(root)):
            args = dataset, str(place), uses._replace(**changed)
            found = examined(*args)
            said = [str(one).replace(str(place), "ROOT") for one in found.unfit]
            answers.append((said, [str(one) for one in found.remarks]))
        assert answers[0] == answers[1]
        return answers[0]

    return look


def test_good_data_are_passed_over_in_silence(plan: Plan, found: Found) -> None:
    assert (plan.unfit, plan.remarks) == ((), ())
    assert found(even()) == ([], [])


@pytest.mark.parametrize(
    ("split", "name", "said"), [("val", "zoo", "class zoo only in val"), ("train", "emu", "class emu only in train")]
)
def test_a_class_of_one_split_alone_is_named(found: Found, split: str, name: str, said: str) -> None:
    classes = even()
    classes[split][name] = 20
    (problem,) = found(classes)[0]
    assert problem.startswith(said) and "give both splits the same" in problem


def test_small_classes_of_val_are_named_with_both_keys_and_a_value_that_fits(found: Found) -> None:
    classes = even(names="abc")
    classes["val"] |= {"b": 5, "c": 3}
    (problem,) = found(classes)[0]
    keys = "evaluation.retrieval.queries_per_class = 5 and curve.retrieval.queries_per_class = 5"
    assert problem.startswith(f"2 of 3 val classes have too few images for {keys}")
    assert "c (3), b (5)" in problem and "at least 6 images" in problem
    assert 'set="evaluation.retrieval.queries_per_class=2 curve.retrieval.queries_per_class=2"' in problem


def test_the_remedy_of_small_classes_cures(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    root = folder(tmp_path / "set", even(train=100, val=2))
    words = (f"site.data.images={root}",)
    cure = ("evaluation.retrieval.queries_per_class=1", "curve.retrieval.queries_per_class=1")
    (problem,) = make_plan(Request.of_scale("small", words)).unfit
    assert " ".join(cure) in problem.remedy
    assert make_plan(Request.of_scale("small", (*words, *cure))).unfit == ()


def test_a_class_of_one_image_is_ranked_by_another_protocol(found: Found) -> None:
    (problem,) = found(even(val=1))[0]
    assert "retrieval.protocol=each-against-all" in problem


def test_a_batch_that_no_pass_fills_is_found(found: Found, plan: Plan) -> None:
    (problem,) = found(even(train=25))[0]
    assert problem.startswith("50 training images do not fill a batch, schedule.batch_size = 64")
    assert 'set="schedule.batch_size=50"' in problem


def test_a_batch_of_epochs_that_are_counted_in_images_may_be_larger(found: Found, plan: Plan) -> None:
    run = next(iter(plan.runs.values()))
    schedule = run.recipe.schedule.model_copy(update={"images_per_epoch": 64})
    counted = run.model_copy(update={"recipe": run.recipe.model_copy(update={"schedule": schedule})})
    assert found(even(train=25), runs=[counted])[0] == []


def test_neighbours_that_are_more_than_the_training_images(found: Found, plan: Plan) -> None:
    (problem,) = found(even(train=4), runs=[])[0]
    assert problem.startswith(
        "8 training images are fewer than every number of neighbours, evaluation.knn.ks = [10, 20"
    )
    assert 'set="evaluation.knn.ks=[4]"' in problem


def test_cells_that_will_stay_empty_are_told(tmp_path: Path) -> None:
    root = folder(tmp_path / "set", even(train=8))
    plan = make_plan(Request.of_scale("small", (f"site.data.images={root}", "schedule.batch_size=8")))
    assert plan.unfit == ()
    (told,) = plan.remarks
    assert told.found.startswith("16 training images are fewer than k = 20") and "not measured" in told.remedy


def test_a_run_outside_of_a_plan_is_refused_before_it_trains(plan: Plan, tmp_path: Path) -> None:
    run = next(iter(plan.runs.values()))
    require_fit(run, str(folder(tmp_path / "good", even())))
    small = folder(tmp_path / "small", even(train=20, val=5))
    with pytest.raises(DatasetError, match=r"do not fill a batch(.|\n)*curve\.retrieval\.queries_per_class=4"):
        require_fit(run, str(small))


def test_a_split_that_is_missing_is_found(found: Found) -> None:
    (problem,) = found({"train": {"a": 40}, "vall": {"a": 10}})[0]
    assert problem.startswith('ROOT has no folder "val"')


def test_the_plan_carries_what_is_wrong_until_it_is_put_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    root = folder(tmp_path / "set", even(train=100))
    request = Request.of_scale("small", (f"site.data.images={root}",))
    (root / "train/empty").mkdir()
    plan = current_plan(request)
    assert "1 of 3 class folders hold no image: empty" in plan.unfit[0].found
    assert not plan.unfit[0].found.endswith("."), "the message ends the sentence"
    message = unfit_message(plan)
    assert "cannot serve" in message and str(root) in message and "Fill these folders or remove them." in message
    shutil.rmtree(root / "train/empty")
    assert current_plan(request).unfit == (), "though the identity of the images is the same"


def test_copies_and_files_that_are_not_read_are_remarks(tmp_path: Path) -> None:
    root = folder(tmp_path / "set", even(train=100))
    (root / "val/a/0.png").write_bytes((root / "train/a/0.png").read_bytes())
    (root / "val/a/1.heic").touch()
    plan = make_plan(Request.of_scale("small", (f"site.data.images={root}",)))
    assert plan.unfit == ()
    first, second = plan.remarks
    assert first.found.startswith("1 training image is a copy of a val image, such as train/a/0.png of val/a/0.png")
    assert second.found == "not read, though named like images: 1 file (1 .heic), val/a/1.heic"
    assert first.found in remarks_message(plan) and second.remedy in remarks_message(plan)


@pytest.mark.skipif(os.name != "posix", reason="only POSIX file names can be other than text")
def test_a_name_that_is_no_text_is_told_once_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    root = folder(tmp_path / "set", even(train=100))
    try:
        Path(os.fsdecode(bytes(root) + b"/train/a/caf\xe9.jpg")).touch()
    except OSError:
        pytest.skip("this file system refuses names that are not UTF-8")
    (told,) = make_plan(Request.of_scale("small", (f"site.data.images={root}",))).unfit
    assert told.found.startswith(str(root)) and told.found.endswith("'a/caf\\udce9.jpg' is not UTF-8")
    assert told.remedy == "Rename the file (convmv does many)."


def drawing(plan: Plan, queries: int) -> list[Evaluation]:
    """An evaluation on the pretraining set that draws so many queries."""
    (one,) = [one for one in plan.evaluations.values() if one.role == PRETRAINING_ROLE][:1]
    retrieval = one.settings.retrieval.model_copy(update={"protocol": "sampled-queries", "queries": queries})
    return [one.model_copy(update={"settings": one.settings.model_copy(update={"retrieval": retrieval})})]


def test_drawn_queries_must_leave_a_gallery(plan: Plan, found: Found) -> None:
    said, _ = found(even(), evaluations=drawing(plan, 20))
    assert said == [
        "20 val images are too few for 20 queries and a gallery. "
        'Add images, or say set="evaluation.retrieval.queries=2".'
    ]


def test_drawn_queries_that_leave_a_gallery_are_passed_over(plan: Plan, found: Found) -> None:
    assert found(even(), evaluations=drawing(plan, 19)) == ([], [])
