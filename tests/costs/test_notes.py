"""What is said of the data beside what they cost."""

from __future__ import annotations

from bits.config.declared import CONFIG_DIR
from bits.costs.price import Prices
from bits.costs.report import report
from bits.exhibits import load_declarations
from bits.plan.model import DataRemark


def test_what_the_data_cannot_serve_and_what_should_be_known_of_them_is_noted(prices):
    plain = prices("h100", "smoke")
    wrong = DataRemark(role="imagenet1k", found="class b only in train", remedy="Remove it.")
    told = DataRemark(role="food101", found="1 of 2 val images are copies", remedy="Remove them.")
    plan = plain.plan.model_copy(update={"unfit": (wrong,), "remarks": (told,)})
    marked = Prices(plan, plain.rates, plain.counts, plain.images, plain.assumptions)
    declared = load_declarations(CONFIG_DIR, shown=plan.shown)
    quiet, noted = (report(one, "", declared, 2).notes() for one in (plain, marked))
    names = plan.datasets["imagenet1k"].name, plan.datasets["food101"].name
    assert [note for note in noted if note not in quiet] == [
        f"Nothing can start: {names[0]}: class b only in train. Remove it.",
        f"{names[1]}: 1 of 2 val images are copies. Remove them.",
    ]
