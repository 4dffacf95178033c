"""What a training loss is made of: terms that see the output, the target and the input, each before its weight."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from restore.losses.argb import translation_loss
from restore.losses.contrastive.embedding import Embedding
from restore.losses.contrastive.frozen import frozen
from restore.losses.contrastive.image_level import ContrastiveRegulariser
from restore.losses.contrastive.patch_level import PatchRegulariser
from restore.losses.contrastive.prompts import PromptJudge
from restore.losses.contrastive.residual_guide import ResidualGuide
from restore.losses.contrastive.samples import enlarged
from restore.losses.contrastive.style_level import StyleContrast
from restore.losses.discriminators import Opponent
from restore.losses.filter_code import clean_code


class Term(nn.Module, ABC):
    """One term of a training loss, before its weight."""

    @property
    def learned(self) -> nn.Module | None:
        """What of it is trained along with the network, or found out of the data, and kept in a checkpoint."""
        return None

    @property
    def shown(self) -> int:
        """Samples that it wants to see before the first step; 0 for most."""
        return 0

    def introduce(self, samples: Iterable[tuple[Tensor, Tensor]]) -> Iterator[str]:
        """See them.

        Args:
            samples: batches of inputs and targets, (N, 3, h, w) and (N, 3, H, W) on 0..1.

        Yields:
            What was found, in words, a line each.
        """
        return iter(())

    @abstractmethod
    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of a batch, a scalar whose gradient reaches ``output`` alone.

        Args:
            output: (N, 3, H, W), RGB, what the network made of ``input``.
            target: (N, 3, H, W) on 0..1.
            input: (N, 3, h, w) on 0..1.
            generator: of all that is drawn.
        """


class PairTerm(Term):
    """A term that compares the output with the target and knows no more.

    Args:
        function: of (output, target); a module's parameters and place are the term's too.
    """

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        return self.function(output, target)


class InputTerm(PairTerm):
    """The same of the output and the input, enlarged to its size."""

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        return self.function(output, enlarged(input, *output.shape[-2:]))


class TranslationTerm(Term):
    """aRGB's autoencoder trained on the targets; what the network made of the input does not matter.

    Args:
        network: :class:`restore.networks.argb_autoencoder.Reconstruction`.
        balance: see :func:`restore.losses.argb.translation_loss`.
    """

    def __init__(self, network: Any, balance: float) -> None:
        super().__init__()
        self._lent, self.balance = (network,), balance

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        # Drawn on the CPU, so that every device draws the same.
        drawn = int(torch.randint(2**62, (), generator=generator))
        places = torch.Generator(target.device).manual_seed(drawn)
        loss: Tensor = translation_loss(self._lent[0].autoencoder, target, self.balance, places)
        return loss


class Jittered(Term):
    """A term that sees its pictures cut at another place each time.

    An encoder's strides weigh the pixels of a picture by where they lie in its grid. A network that makes whole blocks
    of pixels at once, by a pixel shuffle, can please it with a pattern of that grid; where the grid lies anew at each
    step, there is none to please.

    Args:
        term: in the features of an encoder.
        pixels: by how many the pictures are cut smaller, and their place is drawn.
    """

    def __init__(self, term: Term, pixels: int) -> None:
        super().__init__()
        self.term, self.pixels = term, pixels

    @property
    def learned(self) -> nn.Module | None:
        return self.term.learned

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        height, width = (n - self.pixels for n in output.shape[-2:])
        if min(height, width) < 1:
            raise ValueError(
                f"pictures of {output.shape[-2]} x {output.shape[-1]} have no room for jitter {self.pixels}"
            )
        top, left = torch.randint(self.pixels + 1, (2,), generator=generator).tolist()
        pictures = (output, target, enlarged(input, *output.shape[-2:]))
        cut = (picture[..., top : top + height, left : left + width] for picture in pictures)
        loss: Tensor = self.term(*cut, generator)
        return loss


class ContrastiveTerm(Term):
    """A contrastive regulariser as a term."""

    def __init__(self, regulariser: ContrastiveRegulariser) -> None:
        super().__init__()
        self.regulariser = regulariser

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        loss: Tensor = self.regulariser(output, target, input, generator)
        return loss


class PatchTerm(Term):
    """PatchNCE as a term; its heads learn.

    Args:
        regulariser: compares.
        network: that is trained, where it is to leave targets as they are: half of the loss is then how the network's
            version of the target corresponds to the target (CUT's identity loss).
    """

    def __init__(self, regulariser: PatchRegulariser, network: Any = None) -> None:
        super().__init__()
        self.regulariser = regulariser
        self._lent = (network,)  # a tuple, so that it is no part of this module

    @property
    def learned(self) -> nn.Module:
        return self.regulariser.contrast

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        loss: Tensor = self.regulariser(output, target, input, generator)
        (network,) = self._lent
        if network is not None:
            loss = (loss + self.regulariser(network(target), target, target, generator)) / 2
        return loss


class StyleNceTerm(Term):
    """CIFR's contrast of styles as a term; its heads learn.

    Args:
        encoder: (N, 3, H, W) RGB on 0..1 to a list of feature maps.
        contrast: with a head for each of the encoder's taps.
        freeze: False where the encoder belongs to the network that is trained.
    """

    def __init__(self, encoder: nn.Module, contrast: StyleContrast, freeze: bool) -> None:
        super().__init__()
        self.encoder, self.contrast, self.freeze = encoder, contrast, freeze

    @property
    def learned(self) -> nn.Module:
        return self.contrast

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        with frozen(self.encoder) if self.freeze else nullcontext():
            made = self.encoder(output)
            with torch.no_grad():
                wanted, had = self.encoder(target), self.encoder(enlarged(input, *output.shape[-2:]))
        loss: Tensor = self.contrast(made, wanted, had, generator)
        return loss


class OwnEncoder(nn.Module):
    """The features of the network that is trained, which learns from being compared in them (CUT).

    Args:
        network: with ``features(x, taps)``.
        taps: which.
    """

    def __init__(self, network: Any, taps: Sequence[int]) -> None:
        super().__init__()
        self._lent, self.taps = (network,), tuple(taps)
        self.channels: list[int] = [network.channels[tap] for tap in taps]

    def forward(self, x: Tensor) -> list[Tensor]:
        features: list[Tensor] = self._lent[0].features(x, self.taps)
        return features


class AdversarialTerm(Term):
    """The generator's side of an adversarial loss; the discriminator is held while it judges."""

    def __init__(self, opponent: Opponent) -> None:
        super().__init__()
        self.opponent = opponent

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        with frozen(self.opponent.network):
            fake = self.opponent.logits(output)
            with torch.no_grad():
                real = self.opponent.logits(target)
        return self.opponent.sides.generator(fake, real)


class LabelledTerm(Term):
    """A term that wants to know what was done to each input."""

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        raise ValueError(f"{type(self).__name__} wants labels, and these samples have none")

    @abstractmethod
    def of_labels(self, input: Tensor, labels: Tensor, shared: dict[str, Tensor]) -> Tensor:
        """The loss of a batch.

        Args:
            input: as in :meth:`forward`.
            labels: (N,), int64, the number of what was done; below 0 for what has no number.
            shared: what terms of the same batch made of it and others may want: it is looked up, or put in, by name.
        """


class FilterTerm(LabelledTerm):
    """What the network's code of the input says of its filter.

    Args:
        function: of (codes, labels).
        network: that is trained, with ``codes_of``.
    """

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor], network: Any) -> None:
        super().__init__()
        self.function = function
        self._lent = (network,)  # a tuple, so that it is no part of this module

    def of_labels(self, input: Tensor, labels: Tensor, shared: dict[str, Tensor]) -> Tensor:
        if "codes" not in shared:
            shared["codes"] = self._lent[0].codes_of(input)
        return self.function(shared["codes"], labels)


class CleanCodeTerm(Term):
    """That the network's code of the output says that no filter is left."""

    def __init__(self, network: Any, temperature: float) -> None:
        super().__init__()
        self._lent, self.temperature = (network,), temperature

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        return clean_code(self._lent[0], output, target, input, self.temperature)


class GuidedTerm(Term):
    """The way along a direction of an embedding that pictures as they should be lie at (RAVE); fixed at the start.

    Args:
        encoder: whose last feature map, averaged over its positions, is the embedding.
        guide: finds the direction and holds it.
        shown: samples that it is found from.
    """

    def __init__(self, encoder: Embedding, guide: ResidualGuide, shown: int) -> None:
        super().__init__()
        self.encoder, self.guide, self._shown = encoder, guide, shown

    @property
    def learned(self) -> nn.Module:
        return self.guide

    @property
    def shown(self) -> int:
        return self._shown

    def introduce(self, samples: Iterable[tuple[Tensor, Tensor]]) -> Iterator[str]:
        with torch.no_grad():
            bad, good = zip(*((self.encoder(low), self.encoder(high)) for low, high in samples), strict=True)
        return self.guide.find(torch.cat(good), torch.cat(bad), self.encoder.encoder)

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        loss: Tensor = self.guide(self.encoder(output)).mean()
        return loss


class PromptTerm(Term):
    """Probability of the prompt for bad pictures (CLIP-LIT); the prompts are held while they judge."""

    def __init__(self, judge: PromptJudge) -> None:
        super().__init__()
        self._lent = (judge,)  # a tuple, so that it is no part of this module

    def forward(self, output: Tensor, target: Tensor, input: Tensor, generator: torch.Generator) -> Tensor:
        (judge,) = self._lent
        with frozen(judge.prompts):
            return judge.score(output).mean()


@dataclass(frozen=True)
class Beside:
    """What a loss is trained with: the network it judges, and a discriminator or prompts where the recipe has them."""

    network: Any = None
    opponent: Opponent | None = None
    judge: PromptJudge | None = None


ALONE = Beside()
