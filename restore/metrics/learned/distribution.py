"""FID and KID, the distances of two sets of pictures as Inception sees them."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from restore.encoders.weights import hub_file, read_weights
from restore.errors import MissingExtraError, ModelError

URL = "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"


class InceptionDistance:
    """A distance between the pictures and their references as sets, by Inception's 2048 pooled features.

    The network is the one that FID was introduced with, as torch-fidelity converted it, through torchmetrics; pictures
    are resized to 299 x 299 as TensorFlow 1 did, which published figures rest on.

    Args:
        distance: of two sets of features, (N, 2048) each.
        extract: uint8 (1, 3, H, W) to features (1, 2048); see :func:`inception`.
    """

    def __init__(self, distance: Callable[[Tensor, Tensor], float], extract: Callable[[Tensor], Tensor]) -> None:
        self._distance, self._extract = distance, extract
        self._seen: tuple[list[Tensor], list[Tensor]] = ([], [])

    @torch.no_grad()
    def add(self, image: NDArray[np.uint8], reference: NDArray[np.uint8]) -> None:
        """See an RGB picture (H, W, 3) and its reference."""
        for pixels, seen in zip((image, reference), self._seen, strict=True):
            seen.append(self._extract(torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]))

    @torch.no_grad()
    def value(self) -> float:
        """Of all that was seen. Raises ValueError of fewer than two pictures."""
        if len(self._seen[0]) < 2:
            raise ValueError("a distance of sets needs two pictures at least, and thousands to mean much")
        made, real = (torch.cat(seen) for seen in self._seen)
        return self._distance(made, real)


def fid(weights: Path | None = None) -> InceptionDistance:
    """FID between pictures and references; raises as :func:`inception`."""
    return InceptionDistance(frechet, _shared_inception(weights))


def kid(weights: Path | None = None) -> InceptionDistance:
    """KID between pictures and references; raises as :func:`inception`."""
    return InceptionDistance(kernel, _shared_inception(weights))


@functools.lru_cache(maxsize=2)
def _shared_inception(weights: Path | None) -> Callable[[Tensor], Tensor]:
    """One network for FID, KID and all methods compared: it takes seconds to build, and 90 MB."""
    return inception("FID and KID", weights)


def frechet(made: Tensor, real: Tensor) -> float:
    """FID: the Frechet distance of the Gaussians that fit two sets of features (N, C); 0 is best.

    Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", 2017. It is
    biased: of fewer pictures it is larger. The root of the covariances' product is taken by its eigenvalues.
    """
    means = [features.double().mean(0) for features in (made, real)]
    a, b = (_rooted(features.double() - mean) for features, mean in zip((made, real), means, strict=True))
    # The eigenvalues of the covariances' product are the squares of these singular values, which keep their precision
    # where there are fewer pictures than features.
    root = torch.linalg.svdvals(a @ b.T).sum()
    return float((means[0] - means[1]).square().sum() + a.square().sum() + b.square().sum() - 2 * root)


def _rooted(centered: Tensor) -> Tensor:
    """A matrix (at most C, C) whose transpose times itself is the covariance of centered features (N, C)."""
    tall = centered.shape[0] > centered.shape[1]
    triangle: Tensor = torch.linalg.qr(centered, mode="r").R if tall else centered
    return triangle.div((len(centered) - 1) ** 0.5)


def kernel(made: Tensor, real: Tensor) -> float:
    """KID: the squared maximum mean discrepancy of two sets of features (N, C); 0 is best, below it is chance.

    Binkowski et al., "Demystifying MMD GANs", 2018, with their polynomial kernel of degree 3, unbiased, over all
    pictures at once: no subsets are drawn.
    """
    a, b = made.double(), real.double()
    within = [(_summed(x, x) - _polynomial(x * x).sum()) / (len(x) * (len(x) - 1)) for x in (a, b)]
    return float(within[0] + within[1] - 2 * _summed(a, b) / (len(a) * len(b)))


def _summed(a: Tensor, b: Tensor) -> Tensor:
    """The kernel's sum over all pairs, a thousand rows at once."""
    return torch.stack([((rows @ b.T / a.shape[1] + 1) ** 3).sum() for rows in torch.split(a, 1000)]).sum()


def _polynomial(products: Tensor) -> Tensor:
    """The kernel of features with themselves, from their squares (N, C): (N,)."""
    return (products.mean(1) + 1) ** 3


def inception(purpose: str, weights: Path | None = None) -> Callable[[Tensor], Tensor]:
    """FID's Inception: uint8 (N, 3, H, W) to features (N, 2048).

    Args:
        purpose: what needs it, for the messages.
        weights: torch-fidelity's file; None for torch hub's folder.

    Raises:
        MissingExtraError: torchmetrics or torch-fidelity is not installed.
        MissingWeightsError: the file is not there.
        ModelError: it is broken or of another network.
    """
    path = weights or hub_file(URL)
    state = read_weights(path, purpose, URL)
    try:
        from torchmetrics.image.fid import NoTrainInceptionV3

        # The package would unpickle the user's file and run what is in it: it is given one that was written here.
        with tempfile.TemporaryDirectory() as folder:
            safe = Path(folder, "inception.pth")
            torch.save(state, safe)
            network: Any = NoTrainInceptionV3("inception-v3-compat", ["2048"], str(safe), antialias=False)
    except ModuleNotFoundError as error:
        raise MissingExtraError(purpose, "metrics", error.name or "torch_fidelity") from error
    except RuntimeError as error:
        problem = (str(error).splitlines() or [""])[-1].strip()
        raise ModelError(f"{purpose}: the weights in {path} are of another network. {problem}") from error
    extract: Callable[[Tensor], Tensor] = network
    return extract
