"""A model with a transport behind it, for codes of any kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from restore.calibration.attach import attach
from restore.calibration.gaussian import Gaussian, Moments, Transport, transport
from restore.calibration.learned_code import LearnedCode
from restore.calibration.patches import PatchCode
from restore.export.to_onnx import describe
from restore.runtime.model import Model, file_spec, open_model
from tests.conftest import picture

Code = PatchCode | LearnedCode


def moments_of(code: Code, pixels: np.ndarray) -> Gaussian:
    moments = Moments(code.size)
    moments.add(code.patches(code.encode(pixels)))
    return moments.gaussian()


def some_map(code: Code) -> Transport:
    return transport(moments_of(code, picture(64, 64, seed=1) / 255), moments_of(code, picture(64, 64, seed=2) / 300))


def calibrated(source: Path, target: Path, code: Code, map: Transport, reach: float = 1, **change: object) -> Model:
    """The model with a transport, opened from a file."""
    spec = file_spec(source).but(**change)
    model, grown = attach(onnx.load(source), spec, code, map, reach)
    describe(model, grown)
    onnx.save(model, target)
    return open_model(target, "cpu")


def run_at(model: Model, batch: np.ndarray, *strengths: float) -> np.ndarray:
    return model(batch, strength=np.array(strengths, np.float32))


def error_of(
    source: Path, target: Path, code: LearnedCode, bounds: tuple[int, int] = (0, 1), reach: float = 1
) -> float:
    """Of the calibrated model against the patches, the largest, on 0..1. At strength 0, it is the model itself."""
    low, high = bounds
    map = some_map(code)
    model = calibrated(source, target, code, map, reach, low=low, high=high)
    pixels = np.stack([picture(32, 40, seed=seed) for seed in (3, 4)]).transpose(0, 3, 1, 2) / 255
    batch = (low + (high - low) * pixels).astype(np.float32)
    plain = open_model(source, "cpu")(batch)
    np.testing.assert_array_equal(run_at(model, batch, 0, 0), plain)
    errors = []
    found = run_at(model, batch, 1, 0.25)
    for result, faithful, strength in zip(found, plain, (1, 0.25), strict=True):
        share = (faithful.transpose(1, 2, 0) - low) / (high - low)
        moved = code.moved(share, map) - share
        assert np.abs(moved).mean() > 0.01, "the transport does something"
        errors.append(np.abs((result.transpose(1, 2, 0) - low) / (high - low) - share - strength * reach * moved).max())
    return float(max(errors))
