"""How a probe is trained, and on what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bits.config.section import Positive, Section
from bits.evaluation.declaration import Interpolation, Precision, Tokens, Workload
from bits.exhibits.metrics import Metric

Rate = Annotated[float, Field(gt=0)]
CHOSEN_EPOCH = "the epoch is chosen on the test images themselves, as in the public scripts: an upper bound"
CHOSEN_RATE = "the rate is chosen on the test images themselves: an upper bound"


class ProbeSettings(Section):
    """SGD with a cosine schedule from learning_rate x batch_size / 256 to 0 (protocol "Linear probe")."""

    epochs: Positive  # passes over the training images
    learning_rate: Rate  # the headline's, for 256 images a step
    momentum: Annotated[float, Field(ge=0, lt=1)]  # of SGD
    weight_decay: Annotated[float, Field(ge=0)]  # of SGD
    batch_size: Positive  # images a step
    schedule: Literal["epoch", "step"]  # when the cosine moves on: once an epoch, or with every step
    grid: tuple[Rate, ...]  # more learning rates, trained from the same batches

    @property
    def rates(self) -> tuple[float, ...]:
        """All learning rates, each once; the headline's first."""
        return tuple(dict.fromkeys((self.learning_rate, *self.grid)))


class ImageProbe(ProbeSettings):
    """Of which tokens, and on what images, a probe is trained."""

    blocks: Positive  # class tokens of this many last blocks are concatenated
    average_patches: bool  # instead: the last block's class token and the average of its patch tokens
    augment: bool  # random resized crop and flip while the probe trains; false: cached centre crops
    interpolation: Interpolation  # of the random resized crops, antialiased
    precision: Precision  # of the backbone on them; auto: bfloat16 autocast on CUDA, float32 elsewhere

    def tokens(self, backbone: bool) -> Tokens:
        """Without a backbone nothing is augmented, so the training images' features are needed."""
        blocks = 1 if self.average_patches else self.blocks
        return Tokens(blocks, self.average_patches, train=not self.augment or not backbone)

    def passes(self, load: Workload) -> int:
        """Augmented images that go through the backbone."""
        return self.epochs * load.train if self.augment and not load.bare else 0

    @property
    def images(self) -> tuple[object, ...]:
        """All that the features of the augmented images follow from, for one source on one data set."""
        return self.batch_size, self.tokens(True), self.interpolation, self.precision


def probe_metrics(probe: str) -> dict[str, Metric]:
    """What is reported of a kind of probe, "linear" for example; see `bits.evaluation.probing.numbers`."""

    def accuracy(label: str, caveat: str = "") -> Metric:
        return Metric(label=label, unit="%", direction="higher", caveat=caveat)

    return {
        "last": accuracy(f"{probe} probe, last epoch"),
        "best": accuracy(f"{probe} probe, best epoch", CHOSEN_EPOCH),
        "last_tuned": accuracy(f"{probe} probe, best rate of the grid", CHOSEN_RATE),
        "last_lr_{rate}": accuracy(f"{probe} probe, rate {{rate}}"),
        "best_lr_{rate}": accuracy(f"{probe} probe, rate {{rate}}, best epoch", CHOSEN_EPOCH),
        "curve": Metric(label=f"{probe}-probe accuracy", unit="%", direction="higher", decimals=1, shape="series"),
    }
