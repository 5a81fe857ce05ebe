"""The distributions of the parameters, which depend only on the generator and the sizes."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from scipy import stats
from torchvision import transforms

from bits.views.views import ViewParameters, ViewSpec, draw
from tests.views.recipe import view_of

SPEC = view_of(32, (0.05, 0.4))
COUNT = 20_000
CREDIBLE = 1e-3  # least p value; seeds are fixed, so results are reproducible


def drawn(spec: ViewSpec, height: int, width: int, count: int = COUNT, seed: int = 0) -> ViewParameters:
    sizes = torch.tensor([[height, width]]).expand(count, 2)
    return draw(spec, sizes, torch.Generator().manual_seed(seed))


def uniform_p(values: torch.Tensor, low: float, high: float) -> float:
    return float(stats.kstest(values.double().numpy(), stats.uniform(low, high - low).cdf).pvalue)


def test_crop_area_and_ratio_are_as_declared_where_every_try_fits() -> None:
    spec = replace(SPEC, scale=(0.05, 0.3))
    height, width = drawn(spec, 4000, 4000).crop[:, 2:].double().unbind(1)
    assert uniform_p(height * width / 4000**2, 0.05, 0.3) > CREDIBLE
    assert uniform_p((width / height).log(), np.log(3 / 4), np.log(4 / 3)) > CREDIBLE


@pytest.mark.parametrize(("height", "width"), [(64, 64), (375, 500), (90, 30)])
@pytest.mark.parametrize("scale", [(0.4, 1.0), (0.05, 0.4)])
def test_crops_are_distributed_as_torchvisions(height: int, width: int, scale: tuple[float, float]) -> None:
    torch.manual_seed(1)
    image = torch.empty(3, height, width)
    theirs = [transforms.RandomResizedCrop.get_params(image, list(scale), [3 / 4, 4 / 3]) for _ in range(1500)]
    ours = drawn(replace(SPEC, scale=scale), height, width, 1500).crop
    both = np.array(theirs, dtype=float), ours.numpy().astype(float)
    for column in range(4):
        assert stats.ks_2samp(both[0][:, column], both[1][:, column]).pvalue > CREDIBLE, column
    areas, shapes = zip(*((boxes[:, 2] * boxes[:, 3], boxes[:, 3] / boxes[:, 2]) for boxes in both), strict=True)
    assert stats.ks_2samp(*areas).pvalue > CREDIBLE and stats.ks_2samp(*shapes).pvalue > CREDIBLE


def test_boxes_lie_inside_and_reach_every_edge() -> None:
    crop = drawn(replace(SPEC, scale=(0.4, 1.0)), 12, 17).crop
    assert (crop[:, :2] >= 0).all() and (crop[:, 2:] >= 1).all()
    end = crop[:, :2] + crop[:, 2:]
    assert (end <= torch.tensor([12, 17])).all()
    assert crop[:, :2].amin(0).tolist() == [0, 0] and end.amax(0).tolist() == [12, 17]


@pytest.mark.parametrize(("height", "width"), [(10, 400), (400, 10), (7, 500), (1, 90), (1, 1)])
def test_fallback_is_torchvisions_centre_crop(height: int, width: int) -> None:
    """No try for a crop of the whole area fits into an elongated image, so both pipelines fall back."""
    wanted = transforms.RandomResizedCrop.get_params(torch.empty(3, height, width), [1.0, 1.0], [3 / 4, 4 / 3])
    crop = drawn(replace(SPEC, scale=(1.0, 1.0)), height, width, 50).crop
    assert (crop == torch.tensor(wanted)).all()


def test_probabilities() -> None:
    parameters = drawn(SPEC, 64, 64)
    found = {name: int(getattr(parameters, name).sum()) for name in ("flip", "jitter", "grey", "solarise")}
    found["blur"] = int((parameters.blur_radius > 0).sum())
    for name, count in found.items():
        assert stats.binomtest(count, COUNT, getattr(SPEC, name)).pvalue > CREDIBLE, name


def test_probability_zero_and_one_are_never_and_always() -> None:
    names = ("flip", "jitter", "grey", "blur", "solarise")
    never = drawn(replace(SPEC, **dict.fromkeys(names, 0.0)), 64, 64)
    always = drawn(replace(SPEC, **dict.fromkeys(names, 1.0)), 64, 64)
    for name in ("flip", "jitter", "grey", "blur_radius", "solarise"):
        assert not (getattr(never, name) > 0).any() and (getattr(always, name) > 0).all()


def test_factors_and_radii_are_uniform() -> None:
    parameters = drawn(SPEC, 64, 64)
    for column, (low, high) in enumerate([(0.6, 1.4), (0.6, 1.4), (0.8, 1.2), (-0.1, 0.1)]):
        assert uniform_p(parameters.factors[:, column], low, high) > CREDIBLE
    radii = parameters.blur_radius
    assert uniform_p(radii[radii > 0], 0.1, 2.0) > CREDIBLE
    strong = drawn(replace(SPEC, brightness=1.7), 64, 64).factors[:, 0]
    assert uniform_p(strong, 0.0, 2.7) > CREDIBLE  # factors are never negative


def test_orders_are_permutations_and_equally_likely() -> None:
    order = drawn(SPEC, 64, 64).order
    assert torch.equal(order.sort(1).values, torch.arange(4).expand(COUNT, 4))
    _, counts = torch.unique(order, dim=0, return_counts=True)
    assert len(counts) == 24 and stats.chisquare(counts.numpy()).pvalue > CREDIBLE


def test_decisions_are_independent() -> None:
    parameters = drawn(SPEC, 64, 64)
    columns = [
        parameters.flip,
        parameters.jitter,
        parameters.grey,
        parameters.solarise,
        parameters.blur_radius,
    ]
    columns += [*parameters.factors.unbind(1), parameters.crop[:, 0]]
    correlation = torch.corrcoef(torch.stack([column.double() for column in columns]))
    assert (correlation - torch.eye(len(columns))).abs().max() < 0.03  # four standard errors


def same(first: ViewParameters, second: ViewParameters) -> bool:
    return all(torch.equal(getattr(first, f.name), getattr(second, f.name)) for f in fields(first))


def test_draw_repeats_and_select_is_a_slice() -> None:
    sizes = torch.randint(20, 300, (64, 2), generator=torch.Generator().manual_seed(3))
    whole = draw(SPEC, sizes, torch.Generator().manual_seed(9))
    assert len(whole) == 64 and same(whole, draw(SPEC, sizes, torch.Generator().manual_seed(9)))
    assert not same(whole, draw(SPEC, sizes, torch.Generator().manual_seed(10)))
    share = whole.select(slice(16, 32))
    for field in fields(whole):
        assert torch.equal(getattr(share, field.name), getattr(whole, field.name)[16:32])


def test_an_image_is_drawn_alike_whatever_the_others_sizes() -> None:
    sizes = torch.randint(20, 300, (40, 2), generator=torch.Generator().manual_seed(3))
    others = sizes.clone()
    others[20:] = torch.randint(20, 300, (20, 2), generator=torch.Generator().manual_seed(4))
    first, second = (draw(SPEC, s, torch.Generator().manual_seed(1)) for s in (sizes, others))
    assert same(first.select(slice(20)), second.select(slice(20)))


def test_generator_moves_on_by_a_fixed_amount() -> None:
    generators = [torch.Generator().manual_seed(5) for _ in range(3)]
    plain = ViewSpec(size=8, scale=(1.0, 1.0), mean=SPEC.mean, std=SPEC.std)
    for generator, spec, size in zip(generators, (SPEC, SPEC, plain), ((64, 64), (5, 900), (33, 20)), strict=True):
        draw(spec, torch.tensor([size]).expand(11, 2), generator)
    following = {float(torch.rand((), generator=generator)) for generator in generators}
    assert len(following) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", 0),
        ("scale", (0.0, 1.0)),
        ("scale", (0.5, 0.4)),
        ("scale", (0.5, 1.1)),
        ("ratio", (0.0, 1.0)),
        ("ratio", (1.3, 0.7)),
        ("flip", 1.5),
        ("jitter", -0.1),
        ("grey", 2.0),
        ("blur", float("nan")),
        ("solarise", -1.0),
        ("brightness", -0.4),
        ("contrast", -0.4),
        ("saturation", -0.4),
        ("hue", 0.6),
        ("blur_radius", (-0.1, 2.0)),
        ("blur_radius", (2.0, 0.1)),
        ("mean", (0.5, 0.5)),
        ("std", (0.2, 0.0, 0.2)),
    ],
)
def test_a_wrong_value_is_named(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"ViewSpec\.{field} is .*; expected"):
        replace(SPEC, **{field: value})
