"""A GPU's memory: what a training step takes against what is free, and how many images at a time that makes."""

from __future__ import annotations

from bits.config.site import Site
from bits.doctor.finding import Finding
from bits.doctor.probe import TrainingFit

SUBJECT = "Device"
GIB = 2**30


def training(site: Site, fit: TrainingFit | None) -> list[Finding]:
    """fit: None where there is no GPU, or no estimate."""
    if fit is None:
        return []
    images = (fit.auto if site.micro_batch == "auto" else site.micro_batch) or fit.share
    images = min(images, fit.share)
    needed = fit.fixed + images * fit.image
    what = (
        f"{fit.run} trains on {images} of {fit.share} images at a time (site.micro_batch = {site.micro_batch}), "
        f"about {needed / GIB:.1f} GiB; {fit.free / GIB:.1f} GiB are free"
    )
    if images <= fit.most:
        return [Finding(SUBJECT, "ok", what)]
    if fit.most and fit.divisible:
        return [Finding(SUBJECT, "warning", what, f"Set site.micro_batch=auto, or {fit.most} at most.")]
    remedy = "Train on a GPU with more memory, share the batch among more (site.processes), or free this one."
    return [Finding(SUBJECT, "warning", what, remedy)]
