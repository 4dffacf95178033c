"""Options of a rectified flow in a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, model_validator

from restore.networks.fine_tuned import SpandrelOptions
from restore.networks.registry import AnyNetwork

# More steps gain nothing that is seen, and each reads further around a tile.
_MOST_STEPS = 100


class Flow(BaseModel):
    """A rectified flow that begins at the results of a trained network (PMRF).

    ``network`` of the recipe then is the velocity, and the ``mean`` that it begins at stays as it is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    mean: Path = Field(
        description="the network that was trained for fidelity: a run's folder, a checkpoint or a model by name or file"
    )
    network: AnyNetwork = Field(description="the architecture of `mean`, as in the recipe that it was trained by")
    sigma: PositiveFloat = Field(
        0.025, description="standard deviation of the noise that is added to its results, for pictures on 0..1"
    )
    steps: Annotated[int, Field(ge=1, le=_MOST_STEPS)] = Field(
        5, description="steps from the noisy mean to the result, in validation and in the exported model"
    )

    @model_validator(mode="after")
    def _is_a_picture(self) -> Self:
        why = ""
        if self.network.takes_time():
            why = "is a velocity itself"
        elif self.network.context():
            why = "takes a thumbnail of the whole picture"
        elif isinstance(self.network, SpandrelOptions):
            why = "is built from another file"
        if why:
            raise ValueError(f"network: '{self.network.kind}' {why}; use one that takes a picture alone")
        return self
