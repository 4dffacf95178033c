"""What a published network needs, so that it can be run: its author's word where there is one, else by trying."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from restore import __version__
from restore.errors import ModelError
from restore.export.support import gradient_support
from restore.export.third_party_checkpoint import Published
from restore.runtime.session import first_line
from restore.spec import ModelSpec, read_spec
from restore.verify.probing import Floats, Run, find_reach, find_sizes, sizes_at

UNKNOWN = "unknown"


def published_spec(
    found: Published, name: str, given: Mapping[str, str], shape: tuple[int, int, int] | None = None
) -> ModelSpec:
    """Describe a published network.

    Its range is 0..1, as spandrel's networks have it. Sizes are tried; the reach is the gradient's, unless far more
    than was seen to matter: then it is what was seen, and tiles are not promised to be exact.

    Args:
        found: the network.
        name: what it shall be called.
        given: spec fields as text, which win.
        shape: what it is to be run at, if that shall be one shape alone; some networks take no other.

    Raises:
        ModelError: it cannot be run at any size tried, or what is given does not fit a spec.
    """
    try:
        return _tried(found, name, given, shape)
    except ModelError as error:
        raise ModelError(f"{name} ({found.architecture}): {error}") from error


def _tried(found: Published, name: str, given: Mapping[str, str], shape: tuple[int, int, int] | None) -> ModelSpec:
    run, one = as_function(found.network), None
    try:
        sizes = find_sizes(run, found.minimum, found.multiple)
    except ModelError:
        if shape is None:
            raise
        one = shape[1:]
        sizes = sizes_at(run, one)
    if sizes.scale != found.scale:
        raise ModelError(f"it should enlarge {found.scale} times, and does {sizes.scale}")
    seen = find_reach(run, sizes, 0.0, 1.0, one)
    halo, exact = seen.halo, seen.exact
    if exact and one is None:
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
        try:
            result: Floats = network(torch.from_numpy(batch)).numpy()
        except Exception as error:  # each network fails in its own way on what it does not take
            raise ModelError(f"it fails on {'x'.join(map(str, batch.shape))}: {first_line(error)}") from error
        return result

    return run
