"""Adversarial losses for discriminator and generator, and two penalties on the discriminator's gradient.

All take the discriminator's raw outputs (logits, no sigmoid), of any shape, and give a scalar: ``fake`` for what the
generator made, ``real`` for photographs. The generator's side has both, so that all forms share one signature; only two
use ``real`` there (``compares``). Let the discriminator see ``fake`` detached when its own loss is computed.

    vanilla       Goodfellow et al., 2014, with the generator's non-saturating side
    lsgan         Mao et al., "Least squares generative adversarial networks", ICCV 2017
    hinge         Lim and Ye, "Geometric GAN", 2017; Miyato et al., ICLR 2018
    relativistic  Jolicoeur-Martineau, "The relativistic discriminator", ICLR 2019, the average form (ESRGAN's)
    wgan          Arjovsky et al., "Wasserstein GAN", ICML 2017; with :func:`gradient_penalty`
    contrastive   Yu et al., "Dual contrastive loss and attention for GANs", ICCV 2021 (PCL-SR's discriminator)

A discriminator's loss is the sum of its real and its fake term. CUT halves that sum, basicsr's ESRGAN halves both of
its sides: use the weight for that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from restore.losses.full_precision import full_precision


@full_precision
def vanilla_generator(fake: Tensor, real: Tensor) -> Tensor:
    """-log sigmoid(fake), averaged; log 2 where the discriminator is undecided."""
    return F.softplus(-fake).mean()


@full_precision
def vanilla_discriminator(fake: Tensor, real: Tensor) -> Tensor:
    """-log sigmoid(real) - log(1 - sigmoid(fake)), each averaged; 2 log 2 where it is undecided."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


@full_precision
def lsgan_generator(fake: Tensor, real: Tensor) -> Tensor:
    """Mean of (fake - 1)^2."""
    return (fake - 1).square().mean()


@full_precision
def lsgan_discriminator(fake: Tensor, real: Tensor) -> Tensor:
    """Mean of (real - 1)^2, plus that of fake^2."""
    return (real - 1).square().mean() + fake.square().mean()


@full_precision
def hinge_generator(fake: Tensor, real: Tensor) -> Tensor:
    """-fake, averaged; no lower bound."""
    return -fake.mean()


@full_precision
def hinge_discriminator(fake: Tensor, real: Tensor) -> Tensor:
    """max(0, 1 - real) + max(0, 1 + fake), each averaged."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


@full_precision
def relativistic_generator(fake: Tensor, real: Tensor) -> Tensor:
    """The discriminator's loss with the parts exchanged: a fake should look more real than the average photograph.

    The gradient goes into both arguments; detach ``real``'s discriminator output, or not, as in ESRGAN and basicsr.
    """
    return F.softplus(-(fake - real.mean())).mean() + F.softplus(real - fake.mean()).mean()


@full_precision
def relativistic_discriminator(fake: Tensor, real: Tensor) -> Tensor:
    """-log sigmoid(real - E[fake]) - log(1 - sigmoid(fake - E[real])), each averaged; 2 log 2 where it is undecided."""
    return F.softplus(-(real - fake.mean())).mean() + F.softplus(fake - real.mean()).mean()


@full_precision
def wgan_generator(fake: Tensor, real: Tensor) -> Tensor:
    """-fake, averaged; no lower bound."""
    return -fake.mean()


@full_precision
def wgan_discriminator(fake: Tensor, real: Tensor) -> Tensor:
    """Mean fake less mean real: minus the estimated distance. Only with a penalty is it bounded."""
    return fake.mean() - real.mean()


@full_precision
def contrastive_generator(fake: Tensor, real: Tensor) -> Tensor:
    """The discriminator's loss with the parts exchanged; detach ``real``'s discriminator output, or not."""
    return contrastive_discriminator(real, fake)


@full_precision
def contrastive_discriminator(fake: Tensor, real: Tensor) -> Tensor:
    """Classify each real picture against all fakes, and each fake against all real ones; bounded below by 0.

    -log( e^r_i / (e^r_i + sum_j e^f_j) ), averaged over i, plus -log( e^-f_j / (e^-f_j + sum_i e^-r_i) ), over j; the
    sums go over the whole batch.
    """
    fake, real = fake.flatten(), real.flatten()
    real_term = F.softplus(torch.logsumexp(fake, 0) - real).mean()
    return real_term + F.softplus(torch.logsumexp(-real, 0) + fake).mean()


class Adversarial(NamedTuple):
    """Both sides, each from the discriminator's outputs (fake, real) to a scalar.

    Attributes:
        generator: the side of the network that makes pictures.
        discriminator: the other.
        compares: whether the generator's side depends on ``real``.
    """

    generator: Callable[[Tensor, Tensor], Tensor]
    discriminator: Callable[[Tensor, Tensor], Tensor]
    compares: bool = False


ADVERSARIAL: dict[str, Adversarial] = {
    "vanilla": Adversarial(vanilla_generator, vanilla_discriminator),
    "lsgan": Adversarial(lsgan_generator, lsgan_discriminator),
    "hinge": Adversarial(hinge_generator, hinge_discriminator),
    "relativistic": Adversarial(relativistic_generator, relativistic_discriminator, compares=True),
    "wgan": Adversarial(wgan_generator, wgan_discriminator),
    "contrastive": Adversarial(contrastive_generator, contrastive_discriminator, compares=True),
}


@full_precision
def gradient_penalty(
    discriminator: Callable[[Tensor], Tensor],
    fake: Tensor,
    real: Tensor,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Mean of (|gradient| - 1)^2 at random points between each fake and its photograph; 0 is best.

    Gulrajani et al., "Improved training of Wasserstein GANs" (WGAN-GP), NIPS 2017; their weight is 10. If the
    discriminator returns several outputs per picture, the gradient is that of their mean, as in the losses; with their
    sum, the slope that a generator sees would be limited to one over their number. The norm is over a whole picture;
    basicsr takes the sum, and the norm over the channels of each pixel.

    Args:
        discriminator: (N, 3, H, W) to logits of any shape; it runs in float32.
        fake: (N, 3, H, W), 0..1; no gradient goes into it.
        real: the same shape.
        generator: source of the random points, on the pictures' device.
    """
    shape = (real.shape[0], 1, 1, 1)
    place = torch.rand(shape, dtype=real.dtype, device=real.device, generator=generator)
    between = torch.lerp(fake.detach(), real.detach(), place)
    length: Tensor = torch.linalg.vector_norm(_slope(_mean_of(discriminator), between), dim=1)
    return (length - 1).square().mean()


@full_precision
def r1_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """Half the squared gradient at the photographs, averaged; 0 is best.

    Mescheder, Geiger and Nowozin, "Which training methods for GANs do actually converge?", ICML 2018; their gamma is
    the weight, 10. If the discriminator returns several outputs, the gradient is that of their sum.

    Args:
        discriminator: (N, 3, H, W) to logits of any shape; it runs in float32.
        real: (N, 3, H, W), 0..1.
    """
    return _slope(discriminator, real.detach()).square().sum(dim=1).mean() / 2


def _mean_of(discriminator: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda pictures: discriminator(pictures).reshape(len(pictures), -1).mean(dim=1)


def _slope(discriminator: Callable[[Tensor], Tensor], pictures: Tensor) -> Tensor:
    """The discriminator's gradient at each picture, (N, 3 H W), itself differentiable by the parameters."""
    pictures = pictures.requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(pictures).sum(), pictures, create_graph=True)
    return gradient.flatten(1)
