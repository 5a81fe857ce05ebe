"""How the features of the evaluation images spread their variance (Table 2, Figure 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bits.config.section import Section
from bits.evaluation.declaration import Cost, Evaluator, Tokens, Workload
from bits.exhibits.metrics import Metric

if TYPE_CHECKING:
    from bits.evaluation.subject import Subject


class Variance(Section):
    """Of which covariance the eigenvalues are."""

    centred: bool  # about the mean feature; false: second moments
    normalised: bool  # of L2-normalised rows


def measure(subject: Subject, settings: Variance) -> dict[str, Any]:
    """Effective dimensions and the cumulative spectrum, see `variance_spectrum`."""
    from bits.analysis.spectrum import variance_spectrum

    features = subject.features("val")
    return dict(variance_spectrum(features, centred=settings.centred, normalised=settings.normalised))


def cost(load: Workload, settings: Variance) -> Cost:
    return Cost()  # one product and one decomposition: nothing beside the features


EVALUATOR = Evaluator(
    name="variance",
    settings=Variance,
    needs=("features",),
    metrics={
        "d_eff": Metric(label="d_eff, participation ratio", unit="count", direction="higher", decimals=1),
        "r_eff": Metric(label="r_eff, effective rank", unit="count", direction="higher", decimals=1),
        "dimension": Metric(label="dimension of the features", unit="count", direction="higher", decimals=0),
        "cumulative": Metric(
            label="cumulative explained variance", unit="fraction", direction="lower", decimals=3, shape="series"
        ),
    },
    measure=measure,
    tokens=lambda settings, backbone: Tokens(),
    cost=cost,
    labels=("classes", "several", "boxes", "masks"),
)
