"""FID and KID, distances between two sets of pictures in Inception's features."""

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
    """A distance between the sets of pictures and references, in Inception's 2048 pooled features.

    The network is the original one of FID, converted by torch-fidelity and loaded through torchmetrics; pictures are
    resized to 299 x 299 like TensorFlow 1, as for published scores.

    Args:
        distance: between two sets of features, (N, 2048) each.
        extract: maps uint8 (1, 3, H, W) to features (1, 2048); see :func:`inception`.
    """

    def __init__(self, distance: Callable[[Tensor, Tensor], float], extract: Callable[[Tensor], Tensor]) -> None:
        self._distance, self._extract = distance, extract
        self._seen: tuple[list[Tensor], list[Tensor]] = ([], [])

    @torch.no_grad()
    def add(self, image: NDArray[np.uint8], reference: NDArray[np.uint8]) -> None:
        """Add an RGB picture (H, W, 3) and its reference."""
        for pixels, seen in zip((image, reference), self._seen, strict=True):
            seen.append(self._extract(torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]))

    @torch.no_grad()
    def value(self) -> float:
        """The distance for all added pictures. Raises ValueError for fewer than two."""
        if len(self._seen[0]) < 2:
            raise ValueError("a distance between sets needs at least two pictures, and thousands to be meaningful")
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
    """One network for FID, KID and all compared methods: building it takes seconds and 90 MB."""
    return inception("FID and KID", weights)


def frechet(made: Tensor, real: Tensor) -> float:
    """FID: the Frechet distance between Gaussians fitted to two sets of features (N, C); 0 is best.

    Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", 2017. It is
    biased: larger for fewer pictures. The root of the covariances' product is computed from its eigenvalues.
    """
    means = [features.double().mean(0) for features in (made, real)]
    a, b = (_rooted(features.double() - mean) for features, mean in zip((made, real), means, strict=True))
    # The eigenvalues of the covariances' product are the squares of these singular values, which stay precise if there
    # are fewer pictures than features.
    root = torch.linalg.svdvals(a @ b.T).sum()
    return float((means[0] - means[1]).square().sum() + a.square().sum() + b.square().sum() - 2 * root)


def _rooted(centered: Tensor) -> Tensor:
    """A matrix (at most C, C) whose transpose times itself is the covariance of centered features (N, C)."""
    tall = centered.shape[0] > centered.shape[1]
    triangle: Tensor = torch.linalg.qr(centered, mode="r").R if tall else centered
    return triangle.div((len(centered) - 1) ** 0.5)


def kernel(made: Tensor, real: Tensor) -> float:
    """KID: the squared maximum mean discrepancy of two sets of features (N, C); 0 is best, negative values are chance.

    Binkowski et al., "Demystifying MMD GANs", 2018, with the polynomial kernel of degree 3, unbiased, over all
    pictures at once instead of random subsets.
    """
    a, b = made.double(), real.double()
    within = [(_summed(x, x) - _polynomial(x * x).sum()) / (len(x) * (len(x) - 1)) for x in (a, b)]
    return float(within[0] + within[1] - 2 * _summed(a, b) / (len(a) * len(b)))


def _summed(a: Tensor, b: Tensor) -> Tensor:
    """The sum of the kernel over all pairs, a thousand rows at a time."""
    return torch.stack([((rows @ b.T / a.shape[1] + 1) ** 3).sum() for rows in torch.split(a, 1000)]).sum()


def _polynomial(products: Tensor) -> Tensor:
    """The kernel of each feature vector with itself, from its squares (N, C): (N,)."""
    return (products.mean(1) + 1) ** 3


def inception(purpose: str, weights: Path | None = None) -> Callable[[Tensor], Tensor]:
    """FID's Inception: uint8 (N, 3, H, W) to features (N, 2048).

    Args:
        purpose: what needs it, for messages.
        weights: torch-fidelity's file; None for torch hub's folder.

    Raises:
        MissingExtraError: torchmetrics or torch-fidelity is not installed.
        MissingWeightsError: the file is missing.
        ModelError: the file is damaged or for another network.
    """
    path = weights or hub_file(URL)
    state = read_weights(path, purpose, URL)
    try:
        from torchmetrics.image.fid import NoTrainInceptionV3

        # The package would unpickle the user's file and could run code from it, so we pass it a file that we wrote.
        with tempfile.TemporaryDirectory() as folder:
            safe = Path(folder, "inception.pth")
            torch.save(state, safe)
            network: Any = NoTrainInceptionV3("inception-v3-compat", ["2048"], str(safe), antialias=False)
    except ModuleNotFoundError as error:
        raise MissingExtraError(purpose, "metrics", error.name or "torch_fidelity") from error
    except RuntimeError as error:
        problem = (str(error).splitlines() or [""])[-1].strip()
        raise ModelError(f"{purpose}: the weights in {path} are for another network. {problem}") from error
    extract: Callable[[Tensor], Tensor] = network
    return extract
