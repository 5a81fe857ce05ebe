"""Classifier heads that differ in their learning rate only, trained side by side.

The R heads are stacked, so that one matrix product serves them all. Gradients are written out, which costs
less than automatic differentiation at this size and works on features from torch.inference_mode.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import one_hot


class Heads(Protocol):
    """R stacked heads; every parameter is [R, ...]."""

    parameters: list[Tensor]

    def logits(self, features_BD: Tensor) -> Tensor:
        """The class scores [B, R, C]."""

    def gradients(self, features_BD: Tensor, labels_B: Tensor) -> list[Tensor]:
        """Of each head's mean cross-entropy over the batch, one per parameter."""


class LinearHeads:
    """weight [R, C, D] from N(0, 0.01^2), one draw for all heads, and bias [R, C] = 0, as in public DINO."""

    def __init__(self, heads: int, dimension: int, classes: int, generator: torch.Generator, like: Tensor) -> None:
        weight = 0.01 * torch.randn(classes, dimension, generator=generator)
        bias = torch.zeros(classes)
        self.parameters = [_stacked(weight, heads, like), _stacked(bias, heads, like)]

    def logits(self, features_BD: Tensor) -> Tensor:
        weight, bias = self.parameters
        return _products(features_BD, weight) + bias

    def gradients(self, features_BD: Tensor, labels_B: Tensor) -> list[Tensor]:
        residual_BRC = _residual(self.logits(features_BD), labels_B)
        return [_outer_products(residual_BRC, features_BD), residual_BRC.sum(dim=0)]


class HiddenLayerHeads:
    """One layer of `hidden` ReLU units under a linear head (paper Figure 6; the layout is an assumption).

    Hidden weights and biases from U(+-1/sqrt(D)), output weights from U(+-1/sqrt(hidden)), output bias 0.
    """

    def __init__(
        self, heads: int, dimension: int, hidden: int, classes: int, generator: torch.Generator, like: Tensor
    ) -> None:
        drawn = (
            _uniform((hidden, dimension), dimension, generator),
            _uniform((hidden,), dimension, generator),
            _uniform((classes, hidden), hidden, generator),
            torch.zeros(classes),
        )
        self.parameters = [_stacked(values, heads, like) for values in drawn]

    def logits(self, features_BD: Tensor) -> Tensor:
        return self._output(self._activations(features_BD))

    def gradients(self, features_BD: Tensor, labels_B: Tensor) -> list[Tensor]:
        active_BRH = self._activations(features_BD)
        residual_BRC = _residual(self._output(active_BRH), labels_B)
        output_RCH = torch.bmm(residual_BRC.permute(1, 2, 0), active_BRH.transpose(0, 1))
        back_BRH = torch.bmm(residual_BRC.transpose(0, 1), self.parameters[2]).transpose(0, 1)
        back_BRH = back_BRH * (active_BRH > 0)
        return [
            _outer_products(back_BRH, features_BD),
            back_BRH.sum(dim=0),
            output_RCH,
            residual_BRC.sum(dim=0),
        ]

    def _activations(self, features_BD: Tensor) -> Tensor:
        return (_products(features_BD, self.parameters[0]) + self.parameters[1]).relu()

    def _output(self, active_BRH: Tensor) -> Tensor:
        weight, bias = self.parameters[2:]
        return torch.bmm(active_BRH.transpose(0, 1), weight.transpose(1, 2)).transpose(0, 1) + bias


def _residual(logits_BRC: Tensor, labels_B: Tensor) -> Tensor:
    """The gradient of the mean cross-entropy with respect to the logits."""
    truth_BC = one_hot(labels_B, logits_BRC.shape[2])
    return (logits_BRC.softmax(dim=-1) - truth_BC[:, None]) / len(labels_B)


def _products(features_BD: Tensor, weight_RKD: Tensor) -> Tensor:
    """[B, R, K]: every row with every weight of every head, in one matrix product."""
    products = features_BD @ weight_RKD.flatten(0, 1).T
    return products.view(len(features_BD), *weight_RKD.shape[:2])


def _outer_products(back_BRK: Tensor, features_BD: Tensor) -> Tensor:
    """[R, K, D]: the gradient of `_products` with respect to its weight."""
    sums = back_BRK.flatten(1).T @ features_BD
    return sums.view(*back_BRK.shape[1:], features_BD.shape[1])


def _stacked(values: Tensor, heads: int, like: Tensor) -> Tensor:
    return values.to(like).expand(heads, *values.shape).clone()


def _uniform(shape: tuple[int, ...], fan_in: int, generator: torch.Generator) -> Tensor:
    bound: float = fan_in**-0.5
    return torch.empty(shape).uniform_(-bound, bound, generator=generator)
