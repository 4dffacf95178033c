"""Check a model's behavior against its metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from restore.errors import ModelError, TimeLimitError
from restore.runtime.classification import question
from restore.runtime.conditioning import Aside, PictureAside, together
from restore.runtime.model import Model
from restore.runtime.pixels import Pixels, check_shape
from restore.runtime.tiling import Span, Tile, tiles
from restore.spec import ModelSpec
from restore.verify.check import Check
from restore.verify.contrast import is_bearable, less_and_less
from restore.verify.feed import aside, of_pixels, shapes
from restore.verify.pictures import EXTREME, noise, scene

# Tolerance for results that should be equal, as a share of the range: rounding in a different order.
SAME = {"fp32": 1e-4, "fp16": 4e-3, "int8": 1.5 / 255}

# Minimum correlation at which a color channel clearly matches one of the picture.
_LIKE = 0.7

# A result this far outside the range, as a share of it, is not just a slightly too bright picture.
_FAR = 1.5

# Tolerance for class probabilities: rounding, in any precision.
_BELIEF = 1e-2


def behavior(model: Model) -> Iterator[Check]:
    """Run a model on inputs that expose faults; :data:`CHECKS` lists the checks.

    A check during which the model fails counts as not passed. After a run that exceeds its time limit, the other checks
    are left out: each of them would wait for the limit again.
    """
    for name, check in CHECKS.items():
        if name in _OPTIONAL and not _OPTIONAL[name](model.spec):
            continue
        try:
            passed, measured = check(model)
        except TimeLimitError as error:
            yield Check(name, False, f"{error}; the remaining checks were left out")
            return
        except (ModelError, MemoryError) as error:
            passed, measured = False, str(error)
        yield Check(name, passed, measured)


def _shapes(model: Model) -> tuple[bool, str]:
    """Every accepted shape yields ``scale`` times the size."""
    draw, spec = np.random.default_rng(0), model.spec
    accepted = []
    for shape in shapes(spec):
        try:
            got = model(draw.random(shape, dtype=np.float32), **aside(spec, shape, draw)).shape
        except TimeLimitError:
            raise
        except ModelError as error:
            return False, str(error)
        wanted = (*shape[:2], *(n * spec.scale for n in shape[2:]))
        if got != wanted:
            return False, f"{_by(shape)} yields {_by(got)}, not {_by(wanted)}"
        accepted.append(_by(shape))
    return True, ", ".join(accepted)


def _batch(model: Model) -> tuple[bool | None, str]:
    """Pictures in one batch do not affect each other."""
    spec = model.spec
    if spec.shape is not None and spec.shape[0] == 1:
        return None, "accepts one picture at a time"
    size = _size(spec, 24, 40)
    count = spec.shape[0] if spec.shape else 2
    pictures = [scene(*size, seed=seed) for seed in range(count)]
    batch, beside = of_pixels(pictures, spec)
    together = _call(model, batch, beside)
    if spec.shape:  # cannot be run alone: run with other companions
        others = [noise(*size)] * (count - 1)
        alone = np.concatenate([_run(model, [picture, *others])[:1] for picture in pictures])
    else:
        alone = np.concatenate([_run(model, [picture]) for picture in pictures])
    return _near(together, alone, spec, "results in a batch and alone")


def _deterministic(model: Model) -> tuple[bool, str]:
    """Repeated runs are bit-identical."""
    pictures = _full(model.spec, noise(*_size(model.spec, 40, 56)))
    first, again = _run(model, pictures), _run(model, pictures)
    if np.array_equal(first, again, equal_nan=True):
        return True, "repeated runs are bit-identical"
    return False, f"repeated runs differ by up to {_apart(first, again):.2e}"


def _tiles(model: Model) -> tuple[bool | None, str]:
    """Tiles with the declared halo equal the whole picture's result; with a fixed shape, overlapping windows agree."""
    spec = model.spec
    if spec.shape is not None:
        found = [apart for axis in (0, 1) if (apart := _windows(model, spec.shape, axis)) is not None]
        if not found:
            return None, "windows of its shape do not overlap beyond the halo"
        worst = max(found)
        text = f"windows that overlap differ by at most {worst:.1e} of the range beyond a halo of {spec.halo}"
    else:
        worst = _whole_and_tiled(model)
        text = f"tiles with a halo of {spec.halo} and the whole differ by at most {worst:.1e} of the range"
    if not spec.exact_tiles:
        return None, f"{text}; its metadata allows this"
    return worst <= SAME[spec.precision], f"{text} (limit {SAME[spec.precision]:.1e})"


def _whole_and_tiled(model: Model) -> float:
    spec, worst = model.spec, 0.0
    tile = spec.side(16)
    along, across = spec.side(2 * spec.whole_halo + 3 * tile), spec.side(max(24, 2 * spec.multiple))
    for size in ((across, along), (along, across)):
        pixels, whole = _noise(size, spec, lambda tried: _run(model, [tried]))
        worst = max(worst, _apart(whole, _tiled(model, pixels, tile)) / _span(spec))
    return worst


def _windows(model: Model, shape: tuple[int, int, int], axis: int) -> float | None:
    """How much two shifted windows of one picture differ where they overlap beyond their halos."""
    spec, size = model.spec, list(shape[1:])
    side, halo = size[axis], spec.whole_halo
    longest = (side - 2 * halo - 1) // spec.multiple * spec.multiple
    if longest == 0:
        return None
    worst = 0.0
    for shift in {spec.multiple, longest}:
        size[axis] = side + shift
        pixels, first = _noise((size[0], size[1]), spec, lambda tried: _window(model, tried, shape, 0, axis))
        second = _window(model, pixels, shape, shift, axis)
        both = slice((shift + halo) * spec.scale, (side - halo) * spec.scale)
        moved = slice(halo * spec.scale, (side - halo - shift) * spec.scale)
        kept = [values.swapaxes(2, 2 + axis)[:, :, part] for values, part in ((first, both), (second, moved))]
        worst = max(worst, _apart(*kept) / _span(spec))
    return worst


def _noise(
    size: tuple[int, int], spec: ModelSpec, run: Callable[[Pixels], NDArray[np.float32]]
) -> tuple[Pixels, NDArray[np.float32]]:
    """Noise of as much contrast as the model bears, and its result."""
    for values in less_and_less(noise(*size).astype(np.float32), 0, 255):
        pixels = values.astype(np.uint8)
        if is_bearable(result := run(pixels), spec.low, spec.high):
            break
    return pixels, result


def _window(model: Model, pixels: Pixels, shape: tuple[int, int, int], start: int, axis: int) -> NDArray[np.float32]:
    count, height, width = shape
    top, left = (start, 0) if axis == 0 else (0, start)
    tile = Tile(Span(top, top + height, top, top + height), Span(left, left + width, left, left + width))
    batch, _ = of_pixels([pixels[top : top + height, left : left + width]] * count, model.spec)
    return _call(model, batch, together([PictureAside(pixels, model.spec).of(tile)] * count))


def _tiled(model: Model, pixels: Pixels, tile: int) -> NDArray[np.float32]:
    spec = model.spec
    batch, _ = of_pixels([pixels], spec)
    beside = PictureAside(pixels, spec)
    height, width = pixels.shape[:2]
    result = np.full((1, spec.channels, height * spec.scale, width * spec.scale), np.nan, np.float32)
    for part in tiles(height, width, tile, spec.halo, spec.multiple, spec.minimum):
        rows, columns, scale = part.rows, part.columns, spec.scale
        seen = np.ascontiguousarray(batch[..., rows.start : rows.stop, columns.start : columns.stop])
        got = _call(model, seen, beside.of(part))
        top, left = (rows.first - rows.start) * scale, (columns.first - columns.start) * scale
        to_row, to_column = (
            slice(rows.first * scale, rows.last * scale),
            slice(columns.first * scale, columns.last * scale),
        )
        tall, wide = to_row.stop - to_row.start, to_column.stop - to_column.start
        result[..., to_row, to_column] = got[..., top : top + tall, left : left + wide]
    return result


def _finite(model: Model) -> tuple[bool, str]:
    """No picture yields NaN or infinite values."""
    size, broken = _size(model.spec, 40, 56), []
    for name, make in EXTREME.items():
        got = _run(model, _full(model.spec, make(*size)))
        if not np.isfinite(got).all():
            broken.append(f"{np.count_nonzero(~np.isfinite(got)) / got.size:.0%} of the result of {name}")
    if broken:
        return False, f"NaN or infinite: {', '.join(broken)}"
    return True, f"all values finite on {', '.join(EXTREME)}"


def _range(model: Model) -> tuple[bool | None, str]:
    """The result of a picture lies within the range, or close enough to be clipped to it.

    The range of a network that restore trained is known; far results then only show that it has hardly been trained.
    """
    spec = model.spec
    got = _run(model, _full(spec, scene(*_size(spec, 48, 64))))
    low, high = float(got.min()), float(got.max())
    slack, (bottom, top) = _FAR * _span(spec), (spec.low, spec.high)
    text = f"a picture on {bottom:g}..{top:g} yields {low:.3g}..{high:.3g}"
    if not (bottom - slack <= low and high <= top + slack):
        if spec.steps:
            return None, f"{text}, and is clipped: {spec.steps:,} steps of training are too few for pictures"
        return False, f"{text}: the range is wrong (set --spec low=, --spec high=)"
    flat = high - low < 1e-4 * _span(spec)
    return not flat, f"{text}{': constant for any picture' if flat else ''}"


def _colors(model: Model) -> tuple[bool | None, str]:
    """Each color channel of the result correlates with the same channel of the picture, not with another one."""
    spec = model.spec
    pictures = _full(spec, scene(*_size(spec, 64, 96)))
    before, _ = of_pixels(pictures, spec)
    after = _run(model, pictures)
    count, channels, height, width = before.shape
    small = after.reshape(count, channels, height, spec.scale, width, spec.scale).mean((3, 5))
    own_planes, new_planes = (values.transpose(1, 0, 2, 3).reshape(channels, -1) for values in (before, small))
    with np.errstate(invalid="ignore", divide="ignore"):
        like = np.nan_to_num(np.corrcoef(own_planes, new_planes)[channels:, :channels])
    own = " ".join(f"{like[c, c]:.2f}" for c in range(channels))
    orders = {order: [like[c, order[c]] for c in range(channels)] for order in permutations(range(channels))}
    best = max(orders, key=lambda order: sum(orders[order]))
    if best != tuple(range(channels)) and min(orders[best]) > _LIKE:
        order = "".join(spec.colours[c] for c in best)
        return False, f"the result's {spec.colours} is the picture's {order}: its channel order is wrong"
    text = f"correlation of each color with the picture's: {own}"
    return (True, text) if min(orders[tuple(range(channels))]) > _LIKE else (None, f"{text}; too low to judge")


def _strength(model: Model) -> tuple[bool | None, str]:
    """A strength of 0 leaves the picture unchanged."""
    spec = model.spec
    pictures = _full(spec, scene(*_size(spec, 48, 64)))
    batch, beside = of_pixels(pictures, spec, strength=0)
    got = _call(model, batch, beside)
    if spec.scale > 1:
        count, channels, height, width = batch.shape
        small = got.reshape(count, channels, height, spec.scale, width, spec.scale).mean((3, 5))
        difference = _apart(small, batch) / _span(spec)
        return None, f"at strength 0 the downscaled result differs from the picture by {difference:.1e} of the range"
    difference = _apart(got, batch) / _span(spec)
    return difference <= SAME[spec.precision], f"at strength 0 the picture changes by {difference:.1e} of the range"


def _belief(model: Model) -> tuple[bool, str]:
    """Class probabilities lie in 0..1, sum to 1, and depend only on the thumbnail of each single picture."""
    spec = model.spec
    count, height, width = spec.shape or (2, *_size(spec, 40, 56))
    pictures = [scene(height, width, seed=seed) for seed in range(count)]
    batch, beside = of_pixels(pictures, spec)
    shares = model.shares(batch, **beside)
    if shares.shape != (count, len(spec.kinds)):
        return (
            False,
            f"class probabilities of shape {_by(shares.shape)} for {count} pictures and {len(spec.kinds)} kinds",
        )
    if not (np.isfinite(shares).all() and shares.min() >= -_BELIEF and shares.max() <= 1 + _BELIEF):
        return False, f"class probabilities from {shares.min():.3g} to {shares.max():.3g}, outside 0..1"
    apart = float(np.abs(shares.sum(1) - 1).max())
    if apart > _BELIEF:
        return False, f"class probabilities sum to {1 + apart:.3g} or {1 - apart:.3g}, not 1"
    alone = 0.0
    for picture, share in zip(pictures, shares, strict=True):
        tile, aside = question(picture, spec)  # as the runtime classifies
        alone = max(alone, float(np.abs(model.shares(tile, **aside)[0] - share).max()))
    text = f"probabilities of {len(spec.kinds)} kinds; from the thumbnail alone they differ by {alone:.1e}"
    return alone <= _BELIEF, f"{text} (limit {_BELIEF:.0e})"


def _edit(model: Model) -> tuple[bool, str]:
    """The edit's numbers make the result, at any strength."""
    spec = model.spec
    count, height, width = spec.shape or (2, *_size(spec, 40, 56))
    pictures = [scene(height, width, seed=seed) for seed in range(count)]
    worst = 0.0
    for strength in (1.0, 0.5) if spec.strength else (1.0,):
        batch, beside = of_pixels(pictures, spec, strength)
        made = _call(model, batch, beside)
        for picture, seen, result in zip(pictures, batch, made, strict=True):
            edit = model.edit_of(picture, strength)
            assert edit is not None
            should = edit.apply(seen.transpose(1, 2, 0)).transpose(2, 0, 1)
            worst = max(worst, float(np.abs(result - should).max()))
    limit = SAME[spec.precision]
    return worst <= limit, f"the edit's numbers make the result but for {worst:.1e} (limit {limit:.0e})"


CHECKS: dict[str, Callable[[Model], tuple[bool | None, str]]] = {
    "shapes": _shapes,
    "batch": _batch,
    "determinism": _deterministic,
    "tiles": _tiles,
    "numbers": _finite,
    "range": _range,
    "colours": _colors,
    "strength": _strength,
    "belief": _belief,
    "edit": _edit,
}
# Checks of what not every model has.
_OPTIONAL: dict[str, Callable[[ModelSpec], object]] = {
    "strength": lambda spec: spec.strength,
    "belief": lambda spec: spec.kinds,
    "edit": lambda spec: spec.edit,
}


def _run(model: Model, pictures: list[Pixels]) -> NDArray[np.float32]:
    return _call(model, *of_pixels(pictures, model.spec))


def _call(model: Model, batch: NDArray[np.float32], beside: Aside) -> NDArray[np.float32]:
    """Run the model; a result of the wrong size is a ModelError."""
    result = model(batch, **beside)
    count, channels, height, width = batch.shape
    check_shape(model.spec, (count, height, width, channels), result.shape)
    return result


def _full(spec: ModelSpec, pixels: Pixels) -> list[Pixels]:
    """As many copies as the batch size requires."""
    return [pixels] * (spec.shape[0] if spec.shape else 1)


def _size(spec: ModelSpec, height: int, width: int) -> tuple[int, int]:
    if spec.shape is not None:
        return spec.shape[1], spec.shape[2]
    return spec.side(height), spec.side(width)


def _near(a: NDArray[np.float32], b: NDArray[np.float32], spec: ModelSpec, what: str) -> tuple[bool, str]:
    difference = _apart(a, b) / _span(spec)
    limit = SAME[spec.precision]
    return difference <= limit, f"{what} differ by at most {difference:.1e} of the range (limit {limit:.1e})"


def _apart(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The largest absolute difference; infinite if a value is NaN."""
    return float(np.nan_to_num(np.abs(a - b), nan=np.inf).max())


def _span(spec: ModelSpec) -> float:
    return spec.high - spec.low


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
