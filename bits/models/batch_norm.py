"""Batch norm at the end of a head, as in the coder of cross-view code alignment (arXiv 2510.27584)."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class BatchNorm(nn.BatchNorm1d):
    """torch's BatchNorm1d (affine, eps 1e-5, momentum 0.1) of each view by itself; [V, N, B] or [N, B].

    In training mode each view is normalised by its own mean and (biased) variance over N, which must be the whole batch
    (ValueError if N = 1); in evaluation mode by the running statistics. Only `track` moves those, once a step. Half
    precision is widened to float32, also under autocast. Unlike torch's, the running statistics are plain averages as
    long as they are of fewer than 10 views: in the first steps, and after every reset of the head, they would otherwise
    hold more of their start than of any image.
    """

    def forward(self, raw: Tensor) -> Tensor:
        moments = (None, None) if self.training else (self.running_mean, self.running_var)
        views = _widened(raw).view(-1, *raw.shape[-2:])
        with torch.autocast(raw.device.type, enabled=False):
            normed = [
                F.batch_norm(view, *moments, self.weight, self.bias, self.training, eps=self.eps) for view in views
            ]
        return torch.stack(normed).view(raw.shape)

    @torch.no_grad()
    def track(self, raw_VNB: Tensor) -> None:
        """Move the running statistics once per view, in their order (unbiased variance)."""
        mean, variance, count = self.running_mean, self.running_var, self.num_batches_tracked
        assert self.momentum is not None and mean is not None and variance is not None and count is not None
        for view in _widened(raw_VNB):
            count += 1
            share = (1 / count.to(mean.dtype)).clamp(min=self.momentum)
            mean.lerp_(view.mean(0).to(mean.dtype), share)
            variance.lerp_(view.var(0).to(mean.dtype), share)


def _widened(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype.itemsize < 4 else tensor
