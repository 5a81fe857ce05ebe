"""A Snakemake knows of trainings that another one left behind, and waits for them."""

from __future__ import annotations

import json
import threading

from bits.training.possession import possession
from bits.workflow.at_work import wait_for_others


def test_a_run_that_is_being_trained_is_named_and_waited_for(tmp_path, capsys):
    busy, idle = tmp_path / "busy", tmp_path / "idle"
    ended, waited = threading.Event(), threading.Event()

    def train() -> None:
        with possession(busy, busy / "resume"):
            began.set()
            assert ended.wait(30)

    def wait() -> None:
        wait_for_others([busy, idle], pause=0.01)
        waited.set()

    began = threading.Event()
    threads = [threading.Thread(target=target) for target in (train, wait)]
    threads[0].start()
    assert began.wait(30)
    process = json.loads((busy / ".lock").read_text())["process"]
    threads[1].start()
    assert not waited.wait(0.3)
    ended.set()
    assert waited.wait(30)
    for thread in threads:
        thread.join()
    said = capsys.readouterr().err
    assert f'{busy}: {{"process": {process}' in said
    assert str(idle) not in said


def test_nobody_at_work_is_nothing_to_say(tmp_path, capsys):
    wait_for_others([tmp_path])
    assert capsys.readouterr().err == ""
