"""The device of a command, on machines with GPUs and without; none is needed here."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bits.config.site import Site
from bits.errors import BitsError
from bits.runs.build import choose_device


@pytest.fixture
def site(composed) -> Callable[[str], Site]:
    """site(device) -> the settings of a machine on which threads are left as they are."""
    settings = composed("bits-fixed").site
    return lambda device: settings.model_copy(update={"device": device, "threads": 0})


@pytest.fixture
def gpus(monkeypatch) -> Callable[[int], list[torch.device]]:
    """gpus(count) -> the devices that the process is set to, on a machine with as many GPUs."""

    def pretend(count: int) -> list[torch.device]:
        chosen: list[torch.device] = []

        def set_device(device: torch.device) -> None:
            if device.index is None:
                raise ValueError(f"Expected a torch.device with a specified index or an integer, but got: {device}")
            chosen.append(device)

        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.cuda, "set_device", set_device)
        return chosen

    return pretend


@pytest.mark.parametrize(("wanted", "index"), [("auto", 0), ("cuda", 0), ("cuda:0", 0), ("cuda:1", 1)])
def test_a_single_process_gets_a_numbered_gpu(site, gpus, wanted, index):
    chosen = gpus(2)
    assert choose_device(site(wanted)) == torch.device("cuda", index)
    assert chosen == [torch.device("cuda", index)]


def test_each_of_several_processes_gets_the_gpu_of_its_number(site, gpus, monkeypatch):
    chosen = gpus(4)
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert choose_device(site("auto")) == torch.device("cuda", 3)
    assert chosen == [torch.device("cuda", 3)]
    with pytest.raises(BitsError, match="names one GPU for several processes"):
        choose_device(site("cuda:1"))


@pytest.mark.parametrize("wanted", ["auto", "cpu"])
def test_without_a_gpu_or_where_none_is_wanted_it_is_the_cpu(site, gpus, wanted):
    chosen = gpus(0 if wanted == "auto" else 1)
    assert choose_device(site(wanted)) == torch.device("cpu")
    assert not chosen


@pytest.mark.parametrize(
    ("wanted", "count", "said"),
    [
        ("cuda", 0, "torch sees 0 CUDA devices where this process wants number 0"),
        ("cuda:2", 2, "torch sees 2 CUDA devices where this process wants number 2"),
        ("gpu", 1, "expected auto, cpu, cuda or cuda:N"),
    ],
)
def test_a_gpu_that_is_not_there_is_refused(site, gpus, wanted, count, said):
    gpus(count)
    with pytest.raises(BitsError, match=said):
        choose_device(site(wanted))
