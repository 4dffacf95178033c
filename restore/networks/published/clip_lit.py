"""Weights of CLIP-LIT and RAVE for the network that they share, :class:`restore.networks.illumination.IlluminationNet`.

Published at ZhexinLiang/CLIP-LIT and Atmyre/RAVE.
"""

from __future__ import annotations

import re

from spandrel import Architecture, ImageModelDescriptor, StateDict
from spandrel.util import KeyCondition
from torch import nn

from restore.networks.illumination import IlluminationNet
from restore.networks.published.describe import described

# Published names and ours.
_NAMES = {
    "cond1": "head",
    "cond_add1": "tail",
    "condx": "wide.0",
    "condy": "deep.0",
    "ResidualBlock1": "shallow.0",
    "ResidualBlock2": "shallow.1",
    "ResidualBlock3": "wide.1",
    "ResidualBlock4": "wide.2",
    "ResidualBlock5": "deep.1",
    "ResidualBlock6": "deep.2",
}


class IlluminationArchitecture(Architecture[nn.Module]):
    """CLIP-LIT and RAVE, by the published names or by ours, which a run of fine-tuning has."""

    def __init__(self) -> None:
        super().__init__(
            id="CLIP-LIT",
            detect=KeyCondition.has_any(
                KeyCondition.has_all("cond_add1.weight", "PPM1.fuse.0.weight"),
                KeyCondition.has_all("tail.weight", "pyramid.join.0.weight"),
            ),
        )

    def load(self, state_dict: StateDict) -> ImageModelDescriptor[nn.Module]:
        weights = {our_name(key): value for key, value in state_dict.items()}
        network = IlluminationNet()
        joining = network.pyramid.join[0]
        assert isinstance(joining, nn.Conv2d)
        joining.padding_mode = "zeros"  # as published; ours mirrors here too
        return described(self, network, weights, 1, minimum=2)


def our_name(key: str) -> str:
    """The name in our network of a weight of the published one."""
    if found := re.fullmatch(r"PPM1\.features\.(\d)\.(\d)\.weight", key):
        return f"pyramid.levels.{found[1]}.{int(found[2]) - 1}.weight"
    if key.startswith("PPM1.fuse."):
        return key.replace("PPM1.fuse.", "pyramid.join.")
    module, _, rest = key.partition(".")
    if module not in _NAMES:
        return key
    rest = rest.replace("conv1.", "first.").replace("conv2.", "second.")
    return f"{_NAMES[module]}.{rest}"
