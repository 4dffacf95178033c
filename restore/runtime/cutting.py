"""How pictures are cut for a network: the size of tiles, how many run at once, and what it sees of a picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from restore.runtime.memory import auto_tile
from restore.runtime.padding import padded_size
from restore.runtime.pixels import PixelNetwork
from restore.runtime.tiling import Tile, shaped, tiles
from restore.spec import ModelSpec

# Small networks leave a large GPU idle unless it gets several tiles at once; a CPU gains nothing from it.
_GPU_BATCH = 4


@dataclass(frozen=True)
class Cutting:
    """How pictures are tiled and batched.

    Attributes:
        tile: largest side of a tile in input pixels, without its halo.
        batch: tiles at once.
        fixed: whether all tiles have one shape instead of balanced sizes.
        width_align: widths of tiles that are a multiple of this run faster.
        parallel: tiles that run side by side; balanced ones come in a multiple of this number.
    """

    tile: int
    batch: int
    fixed: bool
    width_align: int = 1
    parallel: int = 1


def cutting(model: PixelNetwork, tile: int | None, batch: int | None = None, fixed: bool | None = None) -> Cutting:
    """How pictures are cut for a model.

    Args:
        model: an opened model.
        tile: see :class:`Cutting`; None chooses by available memory.
        batch: None means 1 on a CPU, more elsewhere; a model of a fixed shape has its own.
        fixed: None means yes, except on a CPU.
    """
    on_cpu = model.on_cpu
    exactly = model.spec.shape[0] if model.spec.shape else None
    batch = exactly or batch or (1 if on_cpu else _GPU_BATCH)
    tile = tile or auto_tile(model.spec, model.free_memory(), batch * model.parallel)
    align, parallel = model.width_align, model.parallel
    if not model.spec.exact_tiles:  # where tiles are cut shows, and must not depend on the machine
        align = parallel = 1
    if align % model.spec.multiple:
        align = 1
    return Cutting(tile, batch, not on_cpu if fixed is None else fixed, align, parallel)


def parts(size: tuple[int, int], spec: ModelSpec, how: Cutting) -> Iterator[Tile]:
    """The tiles of a picture, in coordinates of the padded picture (:func:`restore.runtime.padding.padded_size`).

    Args:
        size: height and width of the picture.
        spec: of the network.
        how: how it is cut.
    """
    height, width = padded_size(size, spec)
    if spec.shape is not None:
        return shaped(height, width, spec.shape[1:], spec.halo, spec.multiple)
    # So that the border makes no more tiles; where all have one shape, that is prepared for.
    tile = how.tile + (0 if how.fixed else 2 * spec.border)
    return tiles(height, width, tile, spec.halo, spec.multiple, spec.minimum, how.fixed, how.width_align, how.parallel)


def seen_pixels(size: tuple[int, int], spec: ModelSpec, how: Cutting) -> int:
    """Pixels that a network sees of a picture, those that tiles share as often as they are seen."""
    return sum(height * width for height, width in (part.shape for part in parts(size, spec, how)))
