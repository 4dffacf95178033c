"""What a published network needs, so that it can be run: its author's word where there is one, else by trying."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from restore import __version__
from restore.errors import ModelError
from restore.export.published import Published
from restore.export.support import gradient_support
from restore.spec import ModelSpec, read_spec
from restore.verify.probing import Floats, Run, find_reach, find_sizes

UNKNOWN = "unknown"


def published_spec(found: Published, name: str, given: Mapping[str, str]) -> ModelSpec:
    """Describe a published network.

    Its range is 0..1, as spandrel's networks have it. Sizes are tried; the reach is the gradient's, unless far more
    than was seen to matter: then it is what was seen, and tiles are not promised to be exact.

    Args:
        found: the network.
        name: what it shall be called.
        given: spec fields as text, which win.

    Raises:
        ModelError: it cannot be run at any size tried, or what is given does not fit a spec.
    """
    run = as_function(found.network)
    try:
        sizes = find_sizes(run, found.minimum, found.multiple)
    except ModelError as error:
        raise ModelError(f"{name} ({found.architecture}): {error}") from error
    if sizes.scale != found.scale:
        raise ModelError(f"{name}: {found.architecture} should enlarge {found.scale} times, and does {sizes.scale}")
    seen = find_reach(run, sizes, 0.0, 1.0)
    halo, exact = seen.halo, seen.exact
    if exact:
        try:
            support = gradient_support(found.network, sizes.scale, seen.multiple, sizes.minimum)
        except RuntimeError:  # it works in place, where torch can derive nothing: what was seen must do
            support = halo
        exact = support is not None and support <= 2 * seen.halo + 16
        halo = max(support, halo - seen.multiple) if exact and support is not None else halo
    values: dict[str, Any] = {
        "name": name,
        "task": "super-resolution" if sizes.scale > 1 else "restoration",
        "scale": sizes.scale,
        "halo": halo,
        "exact_tiles": exact,
        "multiple": seen.multiple,
        "minimum": max(sizes.minimum, seen.multiple),
        "network": found.architecture,
        "parameters": found.parameters,
        "licence": UNKNOWN,
        "data": UNKNOWN,
        "made_with": f"restore {__version__}",
    }
    return read_spec({}, name, {**values, **given})


def as_function(network: nn.Module) -> Run:
    """A network as a function of arrays."""

    @torch.no_grad()
    def run(batch: Floats) -> Floats:
        result: Floats = network(torch.from_numpy(batch)).numpy()
        return result

    return run
