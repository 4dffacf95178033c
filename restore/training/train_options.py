"""Options of the training loop in a recipe."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from restore.training.optimizers import AnyOptimizer, Optimizer, ScheduleFreeOptions


class Schedule(BaseModel):
    """Linear warm-up, an optional plateau, then cosine decay to ``floor`` times the peak; one or several cycles."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    warmup: int = Field(500, ge=0, description="steps from 0 to the full learning rate; at most half of a cycle")
    hold: float = Field(0.0, ge=0, lt=1, description="fraction of a cycle before the cosine decay begins")
    floor: float = Field(1e-3, ge=0, le=1, description="final learning rate as a fraction of the peak")
    peaks: list[PositiveFloat] = Field(
        [1.0],
        min_length=1,
        description="peak of each cycle as a fraction of train.optimizer.lr. Cycles have equal length and start with "
        "a warm restart. A finished run can continue with another cycle: increase train.steps and add a peak",
    )


class Train(BaseModel):
    """Options of the training loop."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    steps: PositiveInt = Field(60_000, description="training steps, one batch each")
    batch: PositiveInt = Field(16, description="samples per step, over all processes")
    accumulate: PositiveInt = Field(1, description="split each batch into this many pieces to save memory")
    optimizer: AnyOptimizer = Optimizer()
    schedule: Schedule = Schedule()
    ema: float = Field(0.999, ge=0, lt=1, description="decay of the averaged weights that are validated and exported")
    start_share: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the weights that the run started from (--start, or a published network's) in those that "
        "are validated and exported: with 0.5, the mean of before and after, which keeps what the start does better",
    )
    clip: float | None = Field(1.0, gt=0, description="largest gradient norm; null for no clipping")
    precision: Literal["bf16", "fp16", "fp32"] = Field(
        "bf16",
        description="precision of the networks; weights stay fp32. fp16, with scaled gradients, is for NVIDIA GPUs "
        "older than Ampere, which lack bf16",
    )
    checkpointing: bool = Field(
        False,
        description="keep only the inputs of the network's blocks, and compute what is inside again for the gradients: "
        "less memory, a third more time, the same weights",
    )
    save_every: PositiveInt = Field(1000, description="steps between checkpoints")
    seed: int = Field(0, ge=0, description="seed of the initial weights and of all randomness")
    only: list[str] = Field(
        [],
        description="names of the network's parts to train, such as [tail], or [blocks.5, tail]; the others keep the "
        "weights that the run starts from. Empty for all",
    )
    strength: float | None = Field(
        None,
        ge=0,
        le=1,
        description="strength at which a network with two last layers is trained and validated; null for 1",
    )
    stride: PositiveInt = Field(
        1,
        description="for networks conditioned on a thumbnail: process and compare only every n-th row and "
        "column of a view; the thumbnail still shows all of it",
    )

    @model_validator(mode="after")
    def _even_pieces(self) -> Self:
        if self.batch % self.accumulate:
            raise ValueError(f"a batch of {self.batch} cannot be split into {self.accumulate} equal pieces")
        return self

    @model_validator(mode="after")
    def _no_schedule(self) -> Self:
        steady = self.schedule.floor == 1 and set(self.schedule.peaks) == {1.0}
        if isinstance(self.optimizer, ScheduleFreeOptions) and not steady:
            raise ValueError(
                "the optimizer 'schedule-free' needs a constant learning rate: set train.schedule to "
                f"{{warmup: {self.schedule.warmup}, floor: 1}}"
            )
        return self
