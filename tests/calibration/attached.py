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
