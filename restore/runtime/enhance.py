"""One decoded picture through a model."""

from __future__ import annotations

from restore.runtime.pixels import FloatNetwork, Network, PixelNetwork, Pixels
from restore.runtime.stream import StreamOptions, enhance_stream
from restore.spec import ModelSpec

__all__ = ["Network", "enhance_pixels"]


def enhance_pixels(
    pixels: Pixels,
    network: Network | PixelNetwork,
    spec: ModelSpec,
    tile: int | None = None,
    strength: float = 1.0,
) -> Pixels:
    """Run a model over a picture of any size.

    Args:
        pixels: uint8 or uint16 RGB (H, W, 3).
        network: an opened model, or float32 (N, 3, h, w) on the spec's range to (N, 3, scale * h, scale * w), which is
            given by name what else its spec says that it takes.
        spec: what the network needs.
        tile: largest side of a tile, in input pixels, before its halo; None chooses by the memory there is.
        strength: how far the picture is changed, 0..1, by a network that lets one choose.

    Returns:
        The same type as ``pixels``, (scale * H, scale * W, 3).

    Raises:
        ModelError: the network failed, lied about its scale, gave values that are not numbers, or ran out of memory.
        MemoryError: there is no room for the result.
        ValueError: ``pixels`` is not such a picture.
    """
    model = network if isinstance(network, PixelNetwork) else FloatNetwork(network, spec)
    (result,) = enhance_stream([pixels], model, StreamOptions(tile=tile, strength=strength))
    if isinstance(result, Exception):
        raise result
    return result
