"""Motion during the exposure: a camera that shakes, turns and moves on, and objects that move by themselves.

A picture is the mean, in linear light, of what the camera sees while the shutter is open. The paths follow Boracchi and
Foi, "Modeling the performance of image restoration from motion blur" (TIP 2012): a point with inertia that is pushed at
random and now and then jerked. Averaging frames in motion, and not a filter of one picture, is how GoPro (Nah et al.,
CVPR 2017) was made; here the frames are warps of one photograph.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from restore.data.degradations.base import Degradation, Image, NonNegativeRange, Probability, ordered
from restore.data.degradations.fields import guided, segments
from restore.data.degradations.highlights import brightened
from restore.imaging.color.conversions import from_linear

# Frames of an exposure: enough for steps of about a pixel. With few, the blur of the interpolation, which differs with
# the fraction of a pixel, would show as a grid.
_FEWEST, _FRAMES = 12, 64

_Values = NDArray[np.float64]
_Few = Annotated[int, Field(ge=0, le=8)]


class Motion(Degradation):
    """Motion blur of a moving camera and of moving objects; the defaults range from a trace to an obvious blur."""

    kind: Literal["motion"] = "motion"
    probability: Probability = Field(0.95, description="probability that it is applied")
    length: NonNegativeRange = Field((1.0, 20.0), description="length of the camera's path, pixels")
    shake: Probability = Field(0.4, description="how irregular the path may be; 0 for a nearly straight one")
    roll: NonNegativeRange = Field((0.0, 0.6), description="turn of the camera around its axis, degrees")
    zoom: NonNegativeRange = Field(
        (0.0, 0.03), description="change of size, as a fraction, of a camera that moves on or zooms"
    )
    objects: Annotated[tuple[_Few, _Few], AfterValidator(ordered)] = Field(
        (0, 3), description="number of objects that move by themselves"
    )
    speed: NonNegativeRange = Field((2.0, 20.0), description="length of the path of an object, pixels")
    highlights: NonNegativeRange = Field(
        (1.0, 2.5), description="light of clipped highlights, which leave bright traces, in units of white; 1 for none"
    )

    def apply(self, image: Image, draw: np.random.Generator) -> Image:
        clean = np.clip(image, 0, 1)
        light = brightened(clean, max(1.0, draw.uniform(*self.highlights)))
        camera = camera_path(self, max(clean.shape[:2]), draw)
        layers = moving_layers(clean, light, self, draw)
        return from_linear(np.clip(exposed(light, camera, layers), 0, 1))


@dataclass(frozen=True)
class Path:
    """Where the camera is during the exposure, an array (N,) of each; all zero for a still one.

    Attributes:
        down: pixels.
        right: pixels.
        roll: radians.
        zoom: change of size, as a fraction.
    """

    down: _Values
    right: _Values
    roll: _Values
    zoom: _Values


@dataclass(frozen=True)
class Layer:
    """An object that moves.

    Attributes:
        mask: opacity (H, W) on 0..1.
        behind: linear light (H, W, 3) of what it covers.
        down: its own motion (N,), pixels, in addition to the camera's.
        right: the same.
    """

    mask: Image
    behind: Image
    down: _Values
    right: _Values


def trajectory(length: float, shake: float, draw: np.random.Generator) -> tuple[_Values, _Values]:
    """A path of the given length, pixels: (N,) down and right, with mean 0, so that nothing is shifted.

    The speed has inertia, is pushed at random, and is turned back toward the start of the path, the more of it all the
    larger ``shake`` (0..1); once in a while a jerk reverses it.
    """
    count = int(np.clip(math.ceil(length), _FEWEST, _FRAMES))
    heading, place = draw.uniform(0, 2 * math.pi), np.zeros(2)
    speed = np.array([math.sin(heading), math.cos(heading)])
    amount = shake * draw.random()
    bend = draw.normal(0, 0.6) / count
    places = [place]
    for _ in range(count - 1):
        if draw.random() < 0.1 * amount:
            speed = -speed + draw.normal(0, 0.5, 2)
        turned = np.array([[math.cos(bend), -math.sin(bend)], [math.sin(bend), math.cos(bend)]]) @ speed
        speed = turned + amount * (0.6 * draw.standard_normal(2) - 0.1 * place)
        speed /= max(1e-9, float(np.hypot(*speed))) / draw.uniform(1 - 0.7 * amount, 1 + 0.7 * amount)
        place = place + speed
        places.append(place)
    found = np.stack(places, axis=1)
    total = float(np.hypot(*np.diff(found, axis=1)).sum())
    found = (found - found.mean(axis=1, keepdims=True)) * length / total
    return found[0], found[1]


def camera_path(options: Motion, side: int, draw: np.random.Generator) -> Path:
    """Draw the path of the camera; ``side`` is the longer side of the picture, pixels."""
    down, right = trajectory(draw.uniform(*options.length), options.shake, draw)
    roll = math.radians(draw.uniform(*options.roll)) * draw.choice((-1.0, 1.0))
    zoom = draw.uniform(*options.zoom) * draw.choice((-1.0, 1.0))
    # Corners move by this many pixels; they need frames, too.
    reach = (abs(roll) + abs(zoom)) * side / 2
    count = int(np.clip(math.ceil(reach), len(down), _FRAMES))
    if count > len(down):
        at, old = np.linspace(0, 1, count), np.linspace(0, 1, len(down))
        down, right = (np.interp(at, old, values) for values in (down, right))
        down, right = down - down.mean(), right - right.mean()
    even = np.linspace(-0.5, 0.5, count)
    return Path(down, right, roll * even, zoom * even)


def moving_layers(image: Image, light: Image, options: Motion, draw: np.random.Generator) -> list[Layer]:
    """Draw objects, and what they do: segments of the picture, with edges that follow its own.

    Args:
        image: float32 sRGB (H, W, 3) on 0..1.
        light: the same in linear light.
        options: ranges to draw from.
        draw: source of all randomness.
    """
    import cv2

    count = int(draw.integers(*options.objects, endpoint=True))
    if count == 0:
        return []
    regions = segments(image, int(draw.integers(4, 13)), draw)
    side = max(image.shape[:2])
    found = []
    for number in draw.permutation(int(regions.max()) + 1)[:count]:
        mask = cv2.GaussianBlur((regions == number).astype(np.float32), (0, 0), max(0.8, 0.01 * side))
        # Opaque but for an edge of a pixel or two: what is half an object and half not would move as both.
        mask = np.clip(6 * (guided(mask, image, max(2, round(0.02 * side))) - 0.5) + 0.5, 0, 1)
        path = trajectory(draw.uniform(*options.speed), 0.2, draw)
        found.append(Layer(mask, _filled(light, mask), *path))
    return found


def _filled(light: Image, mask: Image) -> Image:
    """The picture with what is around a mask spread over it."""
    import cv2

    around, wide = 1 - mask, 0.08 * max(mask.shape)
    weight = cv2.GaussianBlur(around, (0, 0), wide)[..., None]
    spread = cv2.GaussianBlur(light * around[..., None], (0, 0), wide) / np.maximum(weight, 1e-4)
    # Where nothing is near enough, the object itself.
    spread = np.where(weight > 1e-3, spread, light)
    filled: Image = (light + mask[..., None] * (spread - light)).astype(np.float32)
    return filled


def exposed(light: Image, camera: Path, layers: list[Layer]) -> Image:
    """The mean of all frames of an exposure, linear light (H, W, 3).

    Args:
        light: linear light of the photograph.
        camera: its path.
        layers: objects in front, each over the former ones; may be empty.
    """
    count = max(len(camera.down), *(len(layer.down) for layer in layers), 2) if layers else len(camera.down)
    camera = Path(*(_resampled(v, count) for v in (camera.down, camera.right, camera.roll, camera.zoom)))
    paths = [(_resampled(layer.down, count), _resampled(layer.right, count)) for layer in layers]
    # What is behind all objects, and what soft edges add to it, so that a scene at rest is the photograph.
    behind = light
    for layer in layers:
        behind = behind + layer.mask[..., None] * (layer.behind - behind)
    rest = behind
    for layer in layers:
        rest = rest + layer.mask[..., None] * (light - rest)
    behind, edges = behind.astype(np.float32), (light - rest).astype(np.float32)
    total = np.zeros_like(light)
    for n in range(count):
        pose = camera.down[n], camera.right[n], camera.roll[n], camera.zoom[n]
        frame = _warped(behind, *pose)
        for layer, (down, right) in zip(layers, paths, strict=True):
            moved = pose[0] + down[n], pose[1] + right[n], pose[2], pose[3]
            frame = frame + _warped(layer.mask, *moved)[..., None] * (_warped(light, *moved) - frame)
        total += frame + (_warped(edges, *pose) if layers else 0)
    mean: Image = np.maximum(total / np.float32(count), 0).astype(np.float32)
    return mean


def _resampled(values: _Values, count: int) -> _Values:
    if len(values) == count:
        return values
    moved: _Values = np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(values)), values)
    moved -= moved.mean()
    return moved


def _warped(picture: Image, down: float, right: float, roll: float, zoom: float) -> Image:
    """A picture moved, and turned and enlarged around its middle; mirrored beyond its border."""
    import cv2

    if down == right == roll == zoom == 0:
        return picture
    height, width = picture.shape[:2]
    y, x = (height - 1) / 2, (width - 1) / 2
    cos, sin = (1 + zoom) * math.cos(roll), (1 + zoom) * math.sin(roll)
    matrix = np.array([[cos, -sin, x - cos * x + sin * y + right], [sin, cos, y - sin * x - cos * y + down]])
    warped: Image = cv2.warpAffine(
        picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return warped
