"""All architectures that checkpoints are recognized as: spandrel's and ours."""

from __future__ import annotations

from functools import cache

from spandrel import MAIN_REGISTRY, ArchRegistry, ArchSupport

from restore.networks.published.bsrn import BsrnArchitecture
from restore.networks.published.clip_lit import IlluminationArchitecture
from restore.networks.published.imdn import ImdnArchitecture, ImdnRtcArchitecture, ImdnRteArchitecture
from restore.networks.published.rfdn import RfdnArchitecture
from restore.networks.published.rlfn import RlfnArchitecture
from restore.networks.published.zero_dce import ZeroDceArchitecture

OURS = (
    ImdnArchitecture,
    ImdnRtcArchitecture,
    ImdnRteArchitecture,
    RfdnArchitecture,
    RlfnArchitecture,
    BsrnArchitecture,
    ZeroDceArchitecture,
    IlluminationArchitecture,
)


@cache
def architectures() -> ArchRegistry:
    """The registry; spandrel's own architectures come first, also those of later versions with the same name."""
    registry = MAIN_REGISTRY.copy()
    registry.add(*(ArchSupport.from_architecture(make()) for make in OURS), ignore_duplicates=True)
    return registry
