"""How fast a device is at each kind of work: from a stated FLOP model here, from measurements in `calibration`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bits.config.evaluation import CentreCrop
from bits.config.recipe import Backbone, Recipe
from bits.config.site import Site
from bits.costs.assumptions import CPU, Assumptions
from bits.costs.counts import Counts, training_flops
from bits.data.workers import threads_of
from bits.evaluation.declaration import ON_THE_DEVICE, Precision


def is_half(precision: Precision, cpu: bool) -> bool:
    """Whether a backbone computes in bfloat16 there."""
    return precision == "bfloat16" or (precision == "auto" and not cpu)


class Rates(Protocol):
    """Speeds of one device; on a CPU those of one process of site.threads threads."""

    @property
    def basis(self) -> str:
        """What the speeds come from, in words."""

    @property
    def device(self) -> str:
        """The device's product name."""

    @property
    def cpu(self) -> bool:
        """Whether it is a CPU, so that cores are counted, not GPUs."""

    @property
    def startup(self) -> float:
        """Seconds until a process works."""

    def training(self, recipe: Recipe) -> float:
        """Images/s of training steps."""

    def extraction(self, backbone: Backbone, crop: CentreCrop, precision: Precision = "float32") -> float:
        """Images/s of feature extraction."""

    def work(self, kind: str) -> float:
        """FLOP/s of a kind of other work, as evaluators declare it (bits.evaluation.declaration.Cost)."""

    def decoding(self, pixels: int, cores: int) -> float:
        """Images/s of `pixels` each that a process with so many CPU cores decodes; infinite where the speeds above
        include it."""


@dataclass(frozen=True)
class FlopRates:
    """Work divided by peak x utilisation of a device of config/costs.yaml. key: its name there."""

    key: str
    assumptions: Assumptions
    counts: Counts
    site: Site

    @property
    def cpu(self) -> bool:
        return self.key == CPU

    @property
    def threads(self) -> int:
        """CPU threads that the workflow gives a process on a machine that has as many."""
        return self.site.threads or (1 if self.cpu else self.site.jobs.evaluate.cpus)

    @property
    def device(self) -> str:
        return self.assumptions.devices[self.key].title

    @property
    def basis(self) -> str:
        device = self.assumptions.devices[self.key]
        peak = f"{device.float32:g} TFLOP/s"
        if not self.cpu:
            peak = f"{device.bfloat16:g} TFLOP/s in bfloat16, {device.float32:g} in float32"
        return f"FLOP model, {device.title} ({peak}) at {100 * device.utilisation:.0f} %"

    @property
    def startup(self) -> float:
        # Jobs on this machine's cores are forked (bits.workflow.fork_server).
        return self.assumptions.forked_seconds if self.cpu else self.assumptions.startup_seconds

    def training(self, recipe: Recipe) -> float:
        reached = self._reached(is_half(recipe.precision, self.cpu))
        chosen = self.site.micro_batch  # auto is known only where the GPU is; until then, the whole share fits
        return reached / training_flops(recipe, self.counts, 0 if chosen == "auto" else chosen)

    def extraction(self, backbone: Backbone, crop: CentreCrop, precision: Precision = "float32") -> float:
        return self._reached(is_half(precision, self.cpu)) / self.counts.backbone(backbone, crop.size).flops

    def work(self, kind: str) -> float:
        if self.cpu or kind in ON_THE_DEVICE:
            return self._reached(False)
        return self.assumptions.host_core_tflops * 1e12 * self.threads

    def decoding(self, pixels: int, cores: int) -> float:
        return 1e6 * self.assumptions.decoded_megapixels * max(threads_of(self.site, cores), 1) / pixels

    def _reached(self, half: bool) -> float:
        device = self.assumptions.devices[self.key]
        peak = (device.bfloat16 if half else device.float32) * 1e12
        return peak * device.utilisation * (self.threads if self.cpu else 1)
