"""Configuration: unknown keys and values are refused by name, runs resolve, digests follow what counts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from bits.config.compose import Composer
from bits.config.composed import Composed
from bits.config.lines import run_lines
from bits.config.recipe import Head
from bits.config.validation import ConfigError
from bits.evaluation.declaration import Tokens, Workload, tokens_of
from bits.plan import run_id
from bits.records.code import ROOT

AVERAGE = "evaluation.linear.average_patches=true"
SCALES = ["smoke", "demo", "small", "paper"]


def composed(run: str, scale: str = "smoke", *overrides: str) -> Composed:
    with Composer(scale, overrides) as composer:
        return composer.compose(run)[0]


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("optimizer.learning_rte=1", "optimizer.learning_rate"),
        ("optimizer.lr=1", "optimizer.learning_rate"),
        ("clip_norm=3", "optimizer.clip_norm"),
        ("seeed=1", "seed"),
        ("run=bits-rest", "bits-reset"),
        ("scale=dmeo", "demo"),
        ("method=bit", "bits"),
        ("objective.bce.target=hrad", "'hard'"),
        ("objective.bcee.target=hard", "objective.bce.target"),
        ("objective.coding_rate.wieght=0.2", "objective.coding_rate.weight"),
        ("objective.coding_rate={wieght: 0.2}", "objective.coding_rate.weight"),
        ("objective.cosine={wieght: 0.2}", "objective.cosine.weight is not set"),
        ("objective.rate_weight=0.2", "objective.coding_rate.weight"),
        ("objective.coding_rate.weight=-1", "objective.coding_rate.weight = -1"),
        ("objective.bce=null", "no term compares student and teacher"),
        ("objective.cosine.weight=0.2", "no run has objective.cosine. To add it, give all of it"),
        ("optimizer.clip_by=tensr", "'tensor'"),
        ("schedule.batch_size=0", "schedule.batch_size = 0"),
        ("schedule.batch_size=7", "not a multiple"),
        ("head.outputs=many", "head.outputs = 'many'"),
        ("teacher.momentum=1.5", "teacher.momentum = 1.5"),
        ("dataset.fingerprnt=x", "dataset.fingerprint"),
        ("=3", "cannot read"),
    ],
)
def test_what_does_not_exist_is_refused_by_name_with_near_matches(override, hint):
    with pytest.raises(ConfigError) as error:
        composed("bits-reset", "smoke", override)
    assert hint in str(error.value)


@pytest.mark.parametrize("scale", SCALES)
def test_every_run_of_the_paper_resolves_and_all_differ(scale):
    with Composer(scale) as composer:
        recipes = {name: composer.compose(name)[0].recipe for name in run_lines()}
    assert len(recipes) == 25
    digests = {run_id("x", recipe) for recipe in recipes.values()}
    assert len(digests) == 25, "two declared runs are the same run"


def test_a_lines_values_are_the_same_as_overrides():
    with Composer("smoke") as composer:
        for name, line in run_lines().items():
            assert composer.compose(name, line)[0].recipe == composer.compose(name)[0].recipe, name


def test_the_paper_scale_is_the_recipe_of_the_paper():
    recipe = composed("bits-reset", "paper").recipe
    assert (recipe.backbone.name, recipe.backbone.drop_path) == ("vit_base_patch16_224", 0.1)
    assert (recipe.head.hidden, recipe.head.layers, recipe.head.outputs, recipe.head.init_std) == (2048, 3, 256, 0.02)
    assert (recipe.schedule.epochs, recipe.schedule.batch_size, recipe.schedule.images_per_epoch) == (100, 256, None)
    assert (recipe.crops.global_size, recipe.crops.local_size, recipe.crops.n_local) == (224, 96, 10)
    assert recipe.crops.global_scale == (0.4, 1.0)
    assert recipe.crops.local_scale == (0.05, 0.4)
    assert (recipe.optimizer.learning_rate, recipe.optimizer.warmup_epochs) == (5e-4, 10)
    assert (recipe.optimizer.min_learning_rate, recipe.optimizer.clip_norm) == (5e-5, 1.0)
    assert (recipe.teacher.momentum, recipe.teacher.momentum_end) == (0.996, 1.0)
    assert list(recipe.objective.settings()) == ["bce", "coding_rate"]
    assert (recipe.objective.coding_rate.weight, recipe.objective.coding_rate.eps) == (0.1, 0.05)
    assert recipe.head_reset.every_epochs == 10
    simdino, dino = composed("simdino", "paper").recipe, composed("dino", "paper").recipe
    assert (simdino.optimizer.clip_norm, simdino.optimizer.min_learning_rate) == (3.0, 1e-6)
    assert (simdino.objective.coding_rate.weight, simdino.head.normalise) == (1.0, True)
    assert (dino.head.prototypes, dino.head.freeze_prototypes_epochs) == (65536, 1)
    assert list(dino.objective.settings()) == ["cross_entropy"]
    assert dino.objective.cross_entropy.teacher_temperature == 0.04


def test_runs_keep_their_differences_at_every_scale():
    for scale in SCALES:
        assert composed("bits-reset-5", scale).recipe.head_reset.every_epochs == 5
        assert composed("bits-512", scale).recipe.head.outputs == 512
        assert composed("bits-beta-0.2", scale).recipe.schedule.epochs == 10
        assert composed("bits-clip-0.3", scale).recipe.optimizer.clip_norm == 0.3


def test_a_digest_follows_the_recipe_and_nothing_else():
    base = composed("bits-reset")
    same = composed("bits-reset", "smoke", "site.workers=3", "site.device=cpu", "site.scratch=/elsewhere")
    other = composed("bits-reset", "smoke", "objective.coding_rate.eps=0.1")
    assert same.recipe == base.recipe
    assert same.site != base.site
    assert run_id("a", same.recipe) == run_id("a", base.recipe)
    assert run_id("a", other.recipe) != run_id("a", base.recipe)
    fewer = composed("bits-reset", "smoke", "evaluation.knn.ks=[5]")
    assert fewer.recipe == base.recipe
    assert fewer.evaluation != base.evaluation


def test_a_key_for_all_runs_is_for_those_that_have_its_term():
    with Composer("smoke", ["objective.coding_rate.eps=0.1", "objective.bce.target=soft"]) as composer:
        found = {name: composer.compose(name)[0].recipe for name in ("dino", "simdino", "bits-cosine", "bits-fixed")}
    assert found["dino"] == composed("dino").recipe
    assert found["simdino"].objective.coding_rate.eps == found["bits-cosine"].objective.coding_rate.eps == 0.1
    assert list(found["bits-cosine"].objective.settings()) == ["code_cosine", "coding_rate"]
    assert (found["bits-fixed"].objective.bce.target, found["bits-fixed"].objective.coding_rate.eps) == ("soft", 0.1)


def test_a_term_given_as_a_whole_is_for_every_run():
    rate = (
        "objective.coding_rate={weight: 0.3, eps: 0.05, rows: mean, normalise: true, centred: false, "
        "virtual_ranks: 1, gamma: true}"
    )
    dino = composed("dino", "smoke", rate).recipe
    assert list(dino.objective.settings()) == ["coding_rate", "cross_entropy"]
    assert dino.objective.couples and not composed("dino").recipe.objective.couples
    assert (
        composed("bits-fixed", "smoke", rate, "objective.coding_rate.weight=0.4").recipe.objective.coding_rate.weight
        == 0.4
    )
    without = composed("bits-fixed", "smoke", "objective.coding_rate=null").recipe
    assert without == composed("bits-fixed", "smoke", "objective.coding_rate.weight=0").recipe
    assert run_id("a", without) != run_id("a", composed("bits-fixed").recipe)


def test_a_batch_norm_needs_a_batch_and_no_prototypes():
    assert composed("simdino", "smoke", "head.batch_norm=true").recipe.head.batch_norm
    assert composed("dino", "smoke", "head.batch_norm=true", "head.prototypes=null").recipe.head.batch_norm
    with pytest.raises(ConfigError, match=r"^head: .*batch_norm = true with prototypes = \d+: .*config/runs.yaml"):
        composed("dino", "smoke", "head.batch_norm=true")
    one = "schedule={epochs: 1, batch_size: 1, images_per_epoch: 4}"
    with pytest.raises(ConfigError, match=r"batch_norm = true needs schedule\.batch_size >= 2, got 1"):
        composed("bits-fixed", "smoke", "head.batch_norm=true", one)
    assert composed("bits-fixed", "smoke", one).recipe.schedule.batch_size == 1


def test_free_mappings_take_any_key():
    recipe = composed("bits-fixed", "smoke", "backbone.options.depth=1").recipe
    assert recipe.backbone.options == {"depth": 1}


def test_a_run_line_with_an_unknown_key_is_refused(tmp_path):
    (tmp_path / "runs.yaml").write_text(yaml.safe_dump({"x": {"method": "bits", "objective.betta": 1}}))
    with pytest.raises(ConfigError, match=r"run 'x'.*did you mean 'objective\.bce"):
        run_lines(tmp_path)
    (tmp_path / "runs.yaml").write_text("x: {beta: 1}")
    with pytest.raises(ConfigError, match="needs a mapping with a method"):
        run_lines(tmp_path)


def test_a_run_whose_name_is_a_number_to_somebody_is_refused_with_its_line(tmp_path):
    (tmp_path / "extra").mkdir()
    for name in ("1e3", "true", "nan", "1.5", "0x10", "null", "off", "2026-01-02"):
        (tmp_path / "runs.yaml").write_text(f"# runs\nx: {{method: bits}}\n{name}: {{method: bits}}\n")
        with pytest.raises(
            ConfigError, match=rf"runs\.yaml, line 3: run '{name}': the name is read as .*not as a text"
        ):
            run_lines(tmp_path)
        (tmp_path / "runs.yaml").write_text("x: {method: bits}\n")
        (tmp_path / "extra/more.yaml").write_text(f"exhibits: {{}}\nruns:\n  {name}: {{method: bits}}\n")
        with pytest.raises(ConfigError, match=rf"more\.yaml, line 3: run '{name}'"):
            run_lines(tmp_path, ["more"])
    (tmp_path / "runs.yaml").write_text("a b: {method: bits}\n")
    with pytest.raises(ConfigError, match=r"line 1: run 'a b': expected a name of letters"):
        run_lines(tmp_path)


def call(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bits.commands.pretrain", *words]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(cwd)}
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment, timeout=300)


def test_the_command_line_has_hydras_conveniences_and_short_errors(tmp_path):
    shown = call("run=bits-reset", "scale=smoke", "seed=3", "--cfg", "job", cwd=tmp_path)
    values = yaml.safe_load(shown.stdout)
    assert values["head_reset"]["every_epochs"] == 10
    assert values["seed"] == 3
    helped = call("--help", cwd=tmp_path)
    assert "bits-reset-20" in helped.stdout
    assert "scale: demo, paper, small, smoke" in helped.stdout
    term = call("run=dino", "scale=smoke", "objective.cosine.weight=0.3", "--cfg", "job", cwd=tmp_path)
    assert yaml.safe_load(term.stdout)["objective"]["cosine"] == {"weight": 0.3}
    refused = call("run=bits-reset", "scale=smoke", "optimiser.clip_norm=3", cwd=tmp_path)
    assert refused.returncode == 2
    assert "optimizer.clip_norm" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_sweep_trains_every_run_into_its_own_folder(tmp_path):
    words = ["run=bits-fixed,simdino", "scale=smoke", "schedule.epochs=2", "optimizer.warmup_epochs=1", "--multirun"]
    swept = call(*words, cwd=tmp_path)
    assert swept.returncode == 0, swept.stderr
    folders = sorted((tmp_path / "results/smoke/runs").iterdir())
    assert [folder.name.rsplit("-", 1)[0] for folder in folders] == ["bits-fixed", "simdino"]
    for folder in folders:
        for name in ("teacher", "student", "heads"):
            assert (folder / f"{name}.safetensors").is_file()
        assert yaml.safe_load((folder / "config.yaml").read_text())["recipe"]["schedule"]["epochs"] == 2


def test_features_are_as_wide_as_the_tokens_that_a_probe_sees():
    """Costs and space are counted from it."""
    plain, averaged = (composed("bits-fixed", "paper", *words).evaluation for words in ((), (AVERAGE,)))
    load = Workload(train=1, val=1, classes=1, width=768, blocks=12, bare=False)
    assert tokens_of(plain, True) == Tokens(blocks=4, average_patches=False, train=True)
    assert tokens_of(averaged, True) == Tokens(blocks=1, average_patches=True, train=True)
    assert [load.width_of(tokens_of(one, True)) for one in (plain, averaged)] == [4 * 768, 2 * 768]
    assert tokens_of(plain, True, "train") == Tokens(train=True), "the probe sees augmented images, k-NN one block"
    assert tokens_of(averaged.only(["retrieval"]), True) == Tokens()
    elsewhere = composed("bits-fixed", "paper", AVERAGE).target_evaluation
    assert load.width_of(tokens_of(elsewhere, True)) == 2 * 768


def test_a_target_set_is_measured_in_its_own_way_where_it_says_so():
    made = composed("bits-fixed", "demo", "targets.food101.evaluation.linear.epochs=3")
    voc, food, birds = (made.evaluation_on(role) for role in ("voc2012", "food101", "birds525"))
    assert birds == made.target_evaluation
    assert (voc.retrieval.protocol, voc.retrieval.queries, voc.retrieval.seed) == ("sampled-queries", 150, 0)
    assert voc.knn == birds.knn
    assert (food.linear.epochs, food.linear.learning_rate) == (3, birds.linear.learning_rate)
    assert "evaluation" not in made.targets["voc2012"].dataset.model_dump()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("linear.epoch=3", r"unknown configuration key 'targets\.food101\.evaluation\.linear\.epoch'; did you mean"),
        ("linear.epochs=0", r"targets\.food101\.evaluation\.linear\.epochs = 0: input should be greater"),
        (
            "retrieval.ties=stabel",
            r"evaluation\.retrieval\.ties = 'stabel' is not one of expected, stable; did you mean",
        ),
        ("retrieval.queries=5", r"targets\.food101\.evaluation\.retrieval: queries = 5: a number for the protocol"),
    ],
)
def test_what_is_no_setting_of_an_evaluation_is_refused_with_its_place(word, said):
    with pytest.raises(ConfigError, match=said):
        composed("bits-fixed", "smoke", f"targets.food101.evaluation.{word}")


def test_scenes_have_no_test_images():
    with pytest.raises(ConfigError, match="rendered scenes have the splits train and val alone"):
        composed("bits-fixed", "smoke", "dataset.eval_split=test")


def test_fine_grained_sets_are_tested_on_their_test_images_where_these_have_labels():
    targets = composed("bits-fixed", "paper").targets
    fine_grained = {"birds525": "test", "food101": "test", "inat2019": "val", "plantnet300k": "test"}
    others = dict.fromkeys(("imagenetv2", "imagenet100", "voc2012", "coco2014"), "val")
    assert {role: target.eval_split for role, target in targets.items()} == {**fine_grained, **others}


def test_a_small_scale_has_a_share_of_the_papers_outputs():
    values = {"hidden": 8, "layers": 2, "init_std": None, "batch_norm": False, "normalise": False, "prototypes": None}
    head = Head(**values, freeze_prototypes_epochs=0, outputs=256, outputs_scale=0.125)
    assert head.dimension == 32
    for outputs, scale, product in ((100, 0.125, "12.5"), (4, 0.125, "0.5")):
        with pytest.raises(ValidationError, match=f"outputs = {outputs} times outputs_scale = {scale} is {product}"):
            Head(**values, freeze_prototypes_epochs=0, outputs=outputs, outputs_scale=scale)
