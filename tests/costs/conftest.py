"""A plan of scale smoke and of scale paper, and what costs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bits.config.declared import CONFIG_DIR
from bits.costs.assumptions import Assumptions, load_assumptions
from bits.costs.counts import Counts
from bits.costs.images import image_counts
from bits.costs.price import Prices
from bits.costs.rates import FlopRates
from bits.costs.summary import Summary
from bits.exhibits import load_declarations
from bits.plan import Plan, Request, make_plan


@pytest.fixture(scope="session")
def assumptions() -> Assumptions:
    return load_assumptions(CONFIG_DIR)


@pytest.fixture(scope="session")
def counts(tmp_path_factory: pytest.TempPathFactory) -> Counts:
    return Counts(tmp_path_factory.mktemp("counts") / "flops.json")


@pytest.fixture(scope="session")
def plans() -> Callable[..., Plan]:
    """plans(scale, **site) -> a plan, made once, with other values of the site."""
    made: dict[str, Plan] = {}

    def plan(scale: str, **site: Any) -> Plan:
        if scale not in made:
            made[scale] = make_plan(Request.of_scale(scale))
        found = made[scale]
        return found.model_copy(update={"site": found.site.model_copy(update=site)})

    return plan


@pytest.fixture
def prices(
    plans: Callable[..., Plan],
    assumptions: Assumptions,
    counts: Counts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Prices]:
    """prices(device, scale, **site) -> prices of the plan, by FLOPs, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def made(device: str, scale: str, **site: Any) -> Prices:
        plan = plans(scale, **site)
        rates = FlopRates(device, assumptions, counts, plan.site)
        return Prices(plan, rates, counts, image_counts(plan, assumptions), assumptions)

    return made


@pytest.fixture
def summary(prices: Callable[..., Prices]) -> Callable[..., Summary]:
    """summary(devices, device, scale, **site)."""

    def made(devices: int, device: str, scale: str, **site: Any) -> Summary:
        chosen = prices(device, scale, **site)
        return Summary(chosen, load_declarations(CONFIG_DIR, shown=chosen.plan.shown), devices)

    return made
