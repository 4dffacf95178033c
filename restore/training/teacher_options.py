"""Options of a teacher in a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator


class Teacher(BaseModel):
    """A trained network whose results replace the photograph in losses with ``teacher: true`` (distillation).

    Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015. With ``start``, training on another
    task costs less of the first: Li and Hoiem, "Learning without forgetting", 2016.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    file: Path | None = Field(
        None,
        description="a run's folder or checkpoint, a published checkpoint that `restore import` reads (.pth, "
        ".safetensors), or a model (.onnx)",
    )
    start: bool = Field(False, description="whether the teacher is the network as the run starts (`--start`)")
    unless_blurred: float | None = Field(
        None,
        gt=0,
        le=1,
        description="pictures that blur has damaged keep the photograph as their target, as `blurred` tells them in "
        "contrastive losses; null for none",
    )
    samples: PositiveInt | None = Field(
        None, description="samples after which the training begins again with the first; null for new ones to the end"
    )
    cache: Path | None = Field(
        None,
        description="folder that keeps the teacher's results for all samples, 8 bits per channel, so that each is "
        "computed once, in advance by `restore distill` or when first needed",
    )

    @model_validator(mode="after")
    def _is_one_network(self) -> Self:
        if (self.file is None) != self.start:
            raise ValueError("a teacher is a file, or start: true, the network that the run starts from: give one")
        if self.start and self.cache is not None:
            raise ValueError("teacher.cache keeps the results of a file: each run starts from weights of its own")
        return self

    @model_validator(mode="after")
    def _cache_ends(self) -> Self:
        if self.cache is not None and self.samples is None:
            raise ValueError("teacher.cache would grow without end: add a number of samples, such as samples: 20000")
        return self
