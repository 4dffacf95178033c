"""Infer the spec of a third-party network: from its author's data if available, else by running it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import nn

from restore import __version__
from restore.errors import ModelError
from restore.export.narrate import Report, narrated
from restore.export.support import gradient_support
from restore.networks.third_party_checkpoint import Published
from restore.runtime.session import first_line
from restore.spec import ModelSpec, read_spec
from restore.utils.json_types import JsonObject
from restore.verify.probing import Reach, affordable, find_reach
from restore.verify.sizes import Floats, Run, Sizes, find_sizes, sizes_at

UNKNOWN = "unknown"


# Side of the fixed shape of a network that cannot be measured on thin strips.
_SIDE = 256


def published_spec(
    found: Published,
    name: str,
    given: Mapping[str, str],
    shape: tuple[int, int, int] | None = None,
    report: Report = lambda _: None,
) -> ModelSpec:
    """Describe a third-party network.

    The range is 0..1, as in spandrel. Sizes are tried out. The reach is that of the gradient, unless that is far larger
    than what was observed to matter, or to be visible: then the observed reach is used, and tiles are not declared
    exact.

    Args:
        found: the network.
        name: the model's name.
        given: spec fields as text, which override what is inferred.
        shape: fixed input shape, if any; some networks accept only one.
        report: called with progress messages.

    Raises:
        ModelError: it cannot be run at any size tried, or ``given`` is not a valid spec.
    """
    try:
        return _tried(found, name, given, shape, report)
    except ModelError as error:
        raise ModelError(f"{name} ({found.architecture}): {error}") from error


def _tried(
    found: Published, name: str, given: Mapping[str, str], shape: tuple[int, int, int] | None, report: Report
) -> ModelSpec:
    bare, one = as_function(found.network), None
    run = narrated(bare, report, "finding the sizes that it takes")
    report("finding the sizes that it takes")
    try:
        sizes = find_sizes(run, found.minimum, found.multiple)
    except ModelError:
        if shape is None:
            raise
        one = shape[1:]
        sizes = sizes_at(run, one)
    if sizes.scale != found.scale:
        raise ModelError(f"the scale should be {found.scale}, but it is {sizes.scale}")
    report("measuring how far it looks")
    run = narrated(bare, report, "measuring how far it looks")
    try:
        seen = find_reach(run, sizes, 0.0, 1.0, one)
    except ModelError:
        if one is not None:
            raise
        # It takes no thin strips, and so no thin tiles either: all tiles get one shape.
        side = -(-_SIDE // sizes.multiple) * sizes.multiple
        shape = shape or (1, side, side)
        one = shape[1:]
        report(f"it takes no thin pictures: the file will take {one[0]} x {one[1]} only")
        sizes = sizes_at(run, one)
        seen = find_reach(run, sizes, 0.0, 1.0, one)
    seen = affordable(seen)
    if seen.exact and one is None:
        report("measuring how far it could look, by its gradient")
        seen = affordable(_by_gradient(found.network, sizes, seen))
    values: JsonObject = {
        "name": name,
        "task": "super-resolution" if sizes.scale > 1 else "restoration",
        "scale": sizes.scale,
        "halo": seen.halo,
        "exact_tiles": seen.exact,
        "multiple": seen.multiple,
        "minimum": max(sizes.minimum, seen.multiple),
        "network": found.architecture,
        "parameters": found.parameters,
        "licence": UNKNOWN,
        "data": UNKNOWN,
        "made_with": f"restore {__version__}",
    }
    if one is not None:
        assert shape is not None
        values |= {"shape": shape, **within(shape, seen, None)}
    return read_spec({}, name, {**values, **given})


def _by_gradient(network: nn.Module, sizes: Sizes, seen: Reach) -> Reach:
    """The reach by the gradient; the observed one, not exact, if that is far smaller."""
    least, most = seen.halo - seen.multiple, 2 * seen.halo + 16
    try:
        support = gradient_support(network, sizes.scale, seen.multiple, sizes.minimum, least, most)
    except RuntimeError:  # in-place operations without gradient: use the observed reach
        return seen
    return replace(seen, exact=False) if support is None else replace(seen, halo=max(support, least))


def within(shape: tuple[int, int, int], reach: Reach, given: int | None) -> JsonObject:
    """Halo and multiple of a network with a fixed shape.

    A detected halo that covers the whole shape is cut to a quarter of it, and tiles are then not exact. They are not
    exact either if windows would have to start at multiples that do not divide the shape.

    Args:
        shape: batch, height and width.
        reach: what was detected.
        given: the halo that the user gave, if any; it is not cut.
    """
    fits = all(side % reach.multiple == 0 for side in shape[1:])
    multiple, exact = (reach.multiple, reach.exact) if fits else (1, False)
    halo = -(-reach.halo // multiple) * multiple
    least = min(shape[1:])
    if given is None and 2 * halo + multiple > least:
        return {"halo": (least - multiple) // 4 // multiple * multiple, "exact_tiles": False, "multiple": multiple}
    return {"halo": reach.halo, "exact_tiles": exact, "multiple": multiple}


def as_function(network: nn.Module) -> Run:
    """Wrap a network as a function of arrays."""

    @torch.no_grad()
    def run(batch: Floats) -> Floats:
        try:
            result: Floats = network(torch.from_numpy(batch)).numpy()
        except Exception as error:  # each network fails in its own way on unsupported inputs
            raise ModelError(f"it fails on {'x'.join(map(str, batch.shape))}: {first_line(error)}") from error
        return result

    return run
