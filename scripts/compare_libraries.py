"""Compare losses with the same functions of kornia and torchmetrics: values, gradients and time on the CPU.

python scripts/compare_libraries.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import median

import kornia
import torch
import torchmetrics.functional.image as metrics
from torch import Tensor
from torch.nn import functional as F

from restore.encoders.encoder import IMAGENET_MEAN, IMAGENET_STD
from restore.losses import edge, pixel, ssim
from restore.losses.total_variation import total_variation

Function = Callable[[Tensor, Tensor], Tensor]

_ROUNDS = 40
_KERNELS = torch.rand(2, 8, 11, generator=torch.Generator().manual_seed(1)).softmax(dim=2)
_MEAN, _STD = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)


def separable(x: Tensor, rows: Tensor, columns: Tensor, mode: str | None) -> Tensor:
    """A separable filter in plain torch; kernels (K,) for all pictures or (B, K), one for each."""
    b, c = x.shape[:2]
    reach = rows.shape[-1] // 2
    groups = b * c if rows.ndim == 2 else c
    x = F.pad(x, (reach,) * 4, mode=mode) if mode else x
    x = x.reshape(-1, groups, *x.shape[2:])
    vertical, horizontal = (
        (k.repeat_interleave(c, dim=0) if k.ndim == 2 else k.expand(c, -1))[:, None] for k in (columns, rows)
    )
    x = F.conv2d(F.conv2d(x, vertical[..., None], groups=groups), horizontal[:, :, None], groups=groups)
    return x.reshape(b, c, *x.shape[2:])


_TAPS = torch.tensor([0.05, 0.25, 0.4, 0.25, 0.05])
_GAUSSIAN = kornia.filters.get_gaussian_kernel1d(ssim.WINDOW, ssim.SIGMA)

# Name, plain torch or our function, then the library's.
PAIRS: dict[str, tuple[Function, Function]] = {
    "5 x 5 filter of `edge` (kornia)": (
        lambda o, t: separable(o, _TAPS, _TAPS, "replicate"),
        lambda o, t: edge._blur(o),
    ),
    "Gaussian window of `ssim` (kornia)": (
        lambda o, t: separable(o, _GAUSSIAN[0], _GAUSSIAN[0], None),
        lambda o, t: ssim._blur(o),
    ),
    "`blur` sample, a kernel a picture (kornia)": (
        lambda o, t: separable(o, _KERNELS[0], _KERNELS[1], "reflect"),
        lambda o, t: kornia.filters.filter2d_separable(o, _KERNELS[0], _KERNELS[1], "reflect"),
    ),
    "`ssim` (kornia)": (ssim.ssim, lambda o, t: 2 * kornia.losses.ssim_loss(o, t, 11, padding="valid")),
    "`ssim` (torchmetrics)": (
        ssim.ssim,
        lambda o, t: 1 - metrics.structural_similarity_index_measure(o, t, data_range=1.0),
    ),
    "`total-variation` (kornia)": (
        lambda o, t: total_variation(o),
        lambda o, t: kornia.losses.total_variation(o, reduction="mean").mean(),
    ),
    "`charbonnier` (kornia, rescaled)": (
        pixel.charbonnier,
        lambda o, t: 1e-3 + 1e-3 * kornia.losses.charbonnier_loss(o * 1e3, t * 1e3, reduction="mean"),
    ),
    "luma (kornia)": (
        lambda o, t: pixel.luma(o),
        lambda o, t: kornia.color.rgb_to_grayscale(o, torch.tensor(pixel._LUMA)),
    ),
    "`psnr` (torchmetrics)": (
        pixel.psnr,
        lambda o, t: -metrics.peak_signal_noise_ratio(o, t, data_range=1.0, dim=(1, 2, 3)),
    ),
    "normalization of an encoder (kornia)": (
        lambda o, t: (o - _MEAN[:, None, None]) / _STD[:, None, None],
        lambda o, t: kornia.enhance.normalize(o, _MEAN, _STD),
    ),
}


# Samples of a contrastive loss are constants.
_CONSTANT = {"`blur` sample, a kernel a picture (kornia)"}


def batch() -> tuple[Tensor, Tensor]:
    """Outputs and targets (8, 3, 96, 96), 0..1."""
    draw = torch.Generator().manual_seed(0)
    target = torch.rand(8, 3, 96, 96, generator=draw)
    return (target + 0.05 * torch.randn(target.shape, generator=draw)).clamp(0, 1), target


def run(function: Function, output: Tensor, target: Tensor, slope: bool) -> tuple[float, Tensor, Tensor]:
    """CPU time in ms of the function and, if ``slope``, its gradient; the result, and the gradient or 1."""
    output = output.clone().requires_grad_(slope)
    start = time.process_time()
    result = function(output, target)
    gradient = torch.autograd.grad(result.mean(), output)[0] if slope else torch.ones(1)
    return 1000 * (time.process_time() - start), result.detach(), gradient


def main() -> None:
    """Print a table in Markdown."""
    torch.set_num_threads(1)
    output, target = batch()
    print("| function | ours, ms | library, ms | ratio | difference | gradient difference |\n|---|---|---|---|---|---|")
    for name, functions in PAIRS.items():
        ours, theirs = (partial(run, function, output, target, name not in _CONSTANT) for function in functions)
        (_, a, ga), (_, b, gb) = ours(), theirs()
        times = [(ours()[0], theirs()[0]) for _ in range(_ROUNDS)]
        mine, other = (median(column) for column in zip(*times, strict=True))
        off, slope = float((a - b).abs().max()), float((ga - gb).abs().max() / ga.abs().max())
        print(f"| {name} | {mine:.2f} | {other:.2f} | {other / mine:.2f} | {off:.0e} | {slope:.0e} |", flush=True)


if __name__ == "__main__":
    main()
