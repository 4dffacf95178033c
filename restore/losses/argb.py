"""aRGB: L1 in a learned space in which a point encodes a pixel's color and its surroundings.

Lee, Park, Baik and Lee, "Rethinking RGB color representation for image restoration models", ICML 2024. A translating
autoencoder (:mod:`restore.networks.argb_autoencoder`) is trained once on clean photographs, with
:func:`translation_loss`; then it is frozen, and :class:`ARGB` compares restored and true pictures in its space, in
place of a pixel loss.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

import torch
from pydantic import Field
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional as F

from restore.errors import ModelError
from restore.losses.base import ALONE, LossOptions, LossTerm, PairTerm, RecipeFacts, TargetFreeOptions, TrainingContext
from restore.losses.full_precision import full_precision
from restore.networks.argb_autoencoder import Reconstruction, TranslatingAutoencoder

# Prefix of the averaged weights in a checkpoint of restore.networks.argb_autoencoder.Reconstruction.
_PREFIX = "average.autoencoder."


def load_autoencoder(path: Path) -> TranslatingAutoencoder:
    """The autoencoder of a run's checkpoint.

    Args:
        path: of a checkpoint, or of the run's folder.

    Raises:
        ModelError: there is no checkpoint, or it belongs to another network.
    """
    file = path / "last.safetensors" if path.is_dir() else path
    try:
        with safe_open(str(file), framework="pt") as saved:
            names = [key for key in list(saved.keys()) if key.startswith(_PREFIX)]
            weights = {name[len(_PREFIX) :]: saved.get_tensor(name) for name in names}
    except FileNotFoundError as error:
        raise ModelError(
            f"{file}: no such checkpoint. Train one on clean photographs, restore train argb --data FOLDER --out RUN, "
            "and name RUN here"
        ) from error
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{file}: not a readable checkpoint: {error}") from error
    experts = {name.split(".")[1] for name in weights if name.startswith("experts.")}
    first = weights.get("decoder.0.weight")
    if not experts or first is None:
        raise ModelError(f"{file}: a checkpoint, but not of the network 'translating': train one by the recipe argb")
    autoencoder = TranslatingAutoencoder(len(experts), first.shape[1])
    try:
        autoencoder.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError(f"{file}: not the weights of a translating autoencoder: {error}") from error
    return autoencoder


@full_precision
def translation_loss(
    autoencoder: TranslatingAutoencoder, x: Tensor, balance: float = 0.1, generator: torch.Generator | None = None
) -> Tensor:
    """Training loss of the autoencoder: reconstruction from a noisy embedding, and evenly used experts.

    ``|x - decode(embedding + N(0, 1))|`` averaged, plus ``balance`` times the experts' imbalance (Fedus, Zoph and
    Shazeer, "Switch Transformers", 2022): K times the sum over the K experts of the share of pixels routed to one and
    its mean gate, which is 1 when all are used alike. The noise makes the embedding use more than three dimensions.

    Args:
        autoencoder: in training mode.
        x: (N, 3, H, W), RGB, 0..1: clean photographs.
        balance: the weight of the second term.
        generator: source of the noise, on the pictures' device.
    """
    gates = autoencoder.gates(x)
    embedding = autoencoder.embed(x, gates)
    noise = torch.randn(embedding.shape, dtype=x.dtype, device=x.device, generator=generator)
    reconstruction = F.l1_loss(autoencoder.decode(embedding + noise), x)
    return reconstruction + balance * imbalance(gates)


def imbalance(gates: Tensor) -> Tensor:
    """K sum_k share_k mean_gate_k of gates (N, K, H, W): 1 if all K experts are used equally, K if only one is."""
    experts = gates.shape[1]
    share = F.one_hot(gates.argmax(dim=1), experts).to(gates.dtype).mean((0, 1, 2))
    return experts * (share * gates.mean((0, 2, 3))).sum()


class ARGB(nn.Module):
    """Mean absolute difference of the embeddings of output and target; 0 is best.

    The autoencoder is frozen: its batch norms stay in eval mode, unlike in the released code. The experts are chosen
    separately for the output and the target.

    Args:
        autoencoder: trained by :func:`translation_loss` on pictures of the same range. It is frozen here.

    Shape:
        output and target (N, 3, H, W), RGB, 0..1, to a scalar. The gradient goes into the output alone. It is
        computed in float32.
    """

    def __init__(self, autoencoder: TranslatingAutoencoder) -> None:
        super().__init__()
        self.autoencoder = autoencoder.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.autoencoder.eval()
        return self

    @full_precision
    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.autoencoder(target)
        return F.l1_loss(self.autoencoder(output), wanted)


class TranslationTerm(LossTerm):
    """aRGB's autoencoder trained on the targets; the network's output does not matter.

    Args:
        network: the network being trained.
        balance: see :func:`translation_loss`.
    """

    def __init__(self, network: Reconstruction, balance: float) -> None:
        super().__init__()
        self._lent, self.balance = (network,), balance  # a tuple, so that it is no submodule of this module

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        # Drawn on the CPU, so that every device draws the same.
        drawn = int(torch.randint(2**62, (), generator=generator))
        noise = torch.Generator(target.device).manual_seed(drawn)
        return translation_loss(self._lent[0].autoencoder, target, self.balance, noise)


class ArgbOptions(LossOptions):
    """Compare pixels in a learned color space: :class:`restore.losses.argb.ARGB`."""

    kind: Literal["argb"] = "argb"
    weights: Path = Field(description="a run of the recipe argb, or its checkpoint")

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        return PairTerm(ARGB(load_autoencoder(self.weights)))


class TranslationOptions(TargetFreeOptions):
    """Training loss of aRGB's autoencoder: :func:`restore.losses.argb.translation_loss`, on the targets."""

    kind: Literal["translation"] = "translation"
    balance: float = Field(0.1, ge=0, description="weight of the term that balances the experts")

    def check(self, recipe: RecipeFacts) -> None:
        super().check(recipe)
        if recipe.network.kind != "translating":
            raise ValueError("translation only trains the network 'translating'")

    def build(self, context: TrainingContext = ALONE) -> LossTerm:
        if not isinstance(context.network, Reconstruction):
            raise ValueError("translation only trains the network 'translating'")
        return TranslationTerm(context.network, self.balance)
