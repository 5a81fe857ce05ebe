"""Which files exhibits are made from, and which exhibits have to wait for data."""

from __future__ import annotations

from bits.plan import Request, make_plan


def test_exhibits_need_files_that_a_run_or_a_reference_makes(plan):
    made = {path for files in plan.metrics.values() for path in files.values()}
    for files in plan.needs.values():
        assert files
        assert set(files) <= made
        assert len(set(files)) == len(files)


def test_a_target_set_that_is_not_here_is_left_out_and_a_wrong_path_is_missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = make_plan(Request.of_scale("paper"))
    assert "table-14" in plan.left_out
    assert "data/birds525" in plan.left_out["figure-7"]
    assert "table-14" not in plan.needs
    assert [gap.role for gap in plan.missing] == ["imagenet1k"]
    wrong = make_plan(Request.of_scale("paper", ("site.data.birds525=/nowhere/birds",)))
    assert {gap.role: gap.root for gap in wrong.missing} == {
        "imagenet1k": "data/imagenet1k",
        "birds525": "/nowhere/birds",
    }
    for role in ("birds525", "food101", "inat2019", "plantnet300k"):
        (tmp_path / f"data/{role}/train/a").mkdir(parents=True)
        (tmp_path / f"data/{role}/train/a/1.jpg").write_bytes(b"x")
    there = make_plan(Request.of_scale("paper"))
    assert "table-14" in there.needs
    assert set(there.left_out) == {"table-5", "extra-retrieval-cutoffs"}, "which show other sets"
