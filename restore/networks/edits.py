"""A network that predicts an edit in numbers: white balance, exposure, saturation and tone curves."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from restore.networks.base import NetworkOptions
from restore.networks.filter_code import FilterCode, make_gate
from restore.networks.thumbnail import whole
from restore.spec import EDIT_CURVE, EDIT_GAMMA, EDIT_HEAD, EDIT_LUMA


class Edits(FilterCode):
    """Predict an edit that a person could make, and make it.

    Editing parameters instead of pixels is from EditNet in Miangoleh et al., "Realistic saliency guided image
    enhancement", CVPR 2023, whose operations these are. The code of :class:`restore.networks.filter_code.FilterCode`
    takes the place of its context network. EditNet draws the order of the operations; here it is that of raw
    converters, because people and other programs read the numbers. Nothing is clipped on the way, so that a table of
    the edit interpolates well:

    1. white balance and exposure: each channel is multiplied;
    2. tone curves: one for each channel, linear between evenly spaced points, increasing by construction;
    3. saturation: the difference from the luma is multiplied.

    An edit treats all pixels of a color alike: any tile gives the same result as the whole picture, and the edit can be
    written as a lookup table.

    Args:
        thumbnail: see :class:`FilterCode`.
        width: see :class:`FilterCode`.
        code: see :class:`FilterCode`.
        hidden: channels of the layer between the code and the edit.
        points: of each tone curve, its ends included.
        kinds: see :class:`FilterCode`.
        prototypes: see :class:`FilterCode`.
        gate: scale the edit by a factor, 0..1, computed from the code: see
            :class:`restore.networks.modulated_color.ModulatedColor`.

    Shape:
        - x: (N, 3, H, W), RGB, 0..1; a part of a picture, or all of it.
        - thumbnail: (N, 3, thumbnail, thumbnail), single pixels of the whole picture.
        - rows: (N, H) and columns: (N, W), not used: an edit does not depend on the position.
        - strength: (N,), 0 leaves the picture unchanged, 1 is the learned edit. It scales the edit's numbers.
        - result: as x, not clipped.
    """

    def __init__(
        self,
        thumbnail: int = 256,
        width: int = 96,
        code: int = 64,
        hidden: int = 128,
        points: int = 9,
        kinds: int = 0,
        prototypes: bool = False,
        gate: bool = False,
    ) -> None:
        super().__init__(thumbnail, width, code, kinds, prototypes)
        self.points = points
        self.estimate = nn.Sequential(
            nn.Linear(code, hidden), nn.ReLU(), nn.Linear(hidden, len(EDIT_HEAD) + 3 * points)
        )
        last = self.estimate[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():  # start close to the identity
            for parameter in last.parameters():
                parameter.mul_(0.1)
        self.gate = make_gate(code) if gate else None

    def forward(
        self,
        x: Tensor,
        thumbnail: Tensor | None = None,
        rows: Tensor | None = None,
        columns: Tensor | None = None,
        strength: Tensor | None = None,
        code: Tensor | None = None,
    ) -> Tensor:
        """Without ``thumbnail``, x is the whole picture; ``code`` is that of :meth:`codes`, if already computed."""
        if thumbnail is None:
            thumbnail = whole(x, self.side, "middle")[0]
        edit = self.edit(thumbnail, strength, code)
        if torch.is_autocast_enabled(x.device.type):
            with torch.autocast(x.device.type, enabled=False):  # bf16 has steps of a hundredth near white
                return apply_edit(x.float(), edit)
        return apply_edit(x, edit)

    def edit(self, thumbnail: Tensor, strength: Tensor | None = None, code: Tensor | None = None) -> Tensor:
        """The edits for thumbnails (N, 3, side, side): (N, 5 + 3 * points), as :func:`apply_edit` takes them."""
        code = self.codes(thumbnail) if code is None else code
        amount = None if self.gate is None else self.opened(code)
        if strength is not None:
            amount = strength if amount is None else strength * amount
        raw = self.estimate(self.settled(code))
        if torch.is_autocast_enabled(raw.device.type):
            with torch.autocast(raw.device.type, enabled=False):
                return self._edit_of(raw.float(), None if amount is None else amount.float())
        return self._edit_of(raw, amount)

    def _edit_of(self, raw: Tensor, amount: Tensor | None) -> Tensor:
        """The edits for any numbers of their shape, scaled by ``amount``, (N,); zeros give the identity."""
        balance, stops, saturation, curves = torch.split(raw, [3, 1, 1, 3 * self.points], dim=1)
        # The gains' mean is 1 on a logarithmic scale: what all channels have in common is exposure.
        balance = balance - balance.mean(1, keepdim=True)
        saturation, curves = torch.exp2(saturation), self._curves(curves)
        if amount is not None:
            share = amount[:, None]
            identity = torch.linspace(0, 1, self.points, dtype=raw.dtype, device=raw.device).repeat(3)
            balance, stops = share * balance, share * stops
            saturation, curves = 1 + share * (saturation - 1), identity + share * (curves - identity)
        return torch.cat((torch.exp2(balance), stops, saturation, curves), dim=1)

    def _curves(self, raw: Tensor) -> Tensor:
        """Increasing curves (N, 3 * points) that end at 1, from any numbers of that shape; zeros give the identity.

        The gains move white, so the curves need not; each has a black point below 1 and the share of every segment in
        the way from there to 1.
        """
        black, segments = torch.split(raw.reshape(-1, 3, self.points), [1, self.points - 1], dim=2)
        # A matrix product in place of a cumulative sum, which not every runtime has.
        ones = torch.ones(self.points - 1, self.points, dtype=raw.dtype, device=raw.device).tril()
        left = F.softmax(segments, dim=2) @ ones
        return (1 - torch.exp(black) * left).flatten(1)


def apply_edit(x: Tensor, edit: Tensor) -> Tensor:
    """Make edits, without clipping; beyond 0..1 the curves go on straight.

    Args:
        x: (N, 3, H, W), RGB, 0..1.
        edit: (N, 5 + 3 * points): the white balance as a gain of red, green and blue; exposure in stops; saturation, 1
            for none; the tone curves of red, green and blue at evenly spaced inputs from 0 to 1.

    Returns:
        As x.
    """
    gains, stops, saturation, curves = torch.split(edit, [3, 1, 1, edit.shape[1] - len(EDIT_HEAD)], dim=1)
    gains = gains * torch.exp2(stops / EDIT_GAMMA)
    curves = curves.reshape(-1, 3, curves.shape[1] // 3)
    count = curves.shape[2] - 1
    slopes = count * (curves[:, :, 1:] - curves[:, :, :-1])
    bends = slopes[:, :, 1:] - slopes[:, :, :-1]
    knots = torch.arange(1, count, dtype=x.dtype, device=x.device)[:, None] / count
    values = gains[:, :, None] * x.flatten(2)
    bent = (bends[:, :, None] @ F.relu(values[:, :, None] - knots))[:, :, 0]
    now = curves[:, :, :1] + slopes[:, :, :1] * values + bent
    luma = (now * now.new_tensor(EDIT_LUMA)[:, None]).sum(1, keepdim=True)
    made: Tensor = luma + saturation[:, :, None] * (now - luma)
    return made.reshape(x.shape)


class EditsOptions(NetworkOptions):
    """An edit in numbers, read from a thumbnail: :class:`restore.networks.edits.Edits`, at scale 1."""

    kind: Literal["edits"] = "edits"
    thumbnail: int = Field(
        256, ge=32, multiple_of=16, description="side of the thumbnail that the edit is read from; above 64, of 64"
    )
    width: int = Field(96, ge=4, multiple_of=4, description="channels of the context branch")
    code: int = Field(64, ge=2, description="length of the code of the picture")
    hidden: int = Field(128, ge=1, description="channels between the code and the edit")
    points: int = Field(9, ge=3, le=EDIT_CURVE, description="points of each tone curve, including its ends")
    kinds: int = Field(0, ge=0, description="number of filters to classify, with filter-class; 0 for none")
    prototypes: bool = Field(False, description="give every kind its own code, for filters that are recognized")
    gate: bool = Field(False, description="scale the edit by the network's confidence that it helps")

    def build(self, scale: int) -> nn.Module:
        self.refuse_to_enlarge(scale)
        return Edits(
            self.thumbnail, self.width, self.code, self.hidden, self.points, self.kinds, self.prototypes, self.gate
        )

    def halo(self, scale: int) -> int:
        return 0

    def context(self) -> int:
        return self.thumbnail

    def thumbnails(self) -> Literal["mean", "middle"]:
        return "middle"

    def takes_strength(self) -> bool:
        return True

    def codes(self) -> bool:
        return True

    def edit_points(self) -> int:
        return self.points
