"""The training recipe: a YAML file that is validated completely before a run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from restore.data.sources.paired import Pairs
from restore.data.sources.registry import AnyData
from restore.encoders.clip import ClipOptions
from restore.encoders.efficientnet_lite import EfficientNetLite0Options
from restore.losses.adversarial_term import Form
from restore.losses.features import AnyHeldFeatures
from restore.losses.pixel import PixelOptions
from restore.losses.registry import AnyLoss
from restore.networks.argb_autoencoder import TranslatingOptions
from restore.networks.discriminators.registry import AnyDiscriminator
from restore.networks.registry import AnyNetwork
from restore.plugins import NAME
from restore.training.flow_options import Flow
from restore.training.input_needs import InputNeeds
from restore.training.optimizers import AnyOptimizer, Optimizer
from restore.training.teacher_options import Teacher
from restore.training.train_options import Train
from restore.training.validation_metric import find_metric, validation_metrics
from restore.utils.json_types import JsonObject


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _known_metric(name: str) -> str:
    find_metric(name)
    return name


class Validation(_Options):
    """Validation, with the averaged weights in float32; a border of ``scale`` pixels is ignored."""

    folder: str | None = Field(None, description="folder to validate on instead of held-out photographs")
    pairs: Pairs | None = Field(None, description="pairs to validate on; the only way to measure unpaired data")
    metric: Annotated[str, AfterValidator(_known_metric)] = Field(
        "psnr-y",
        description="metric that decides which weights are best: PSNR or SSIM on Y, PSNR on RGB if colors change, or "
        "any metric of `restore evaluate --list`, which also says whether lower is better",
        json_schema_extra=lambda schema: schema.update(enum=list(validation_metrics())),
    )
    weights: Path | None = Field(
        None, description="weights file of a learned metric; null for torch hub's cache or the metric's package"
    )
    every: PositiveInt = Field(2000, description="steps between validations")
    crop: PositiveInt = Field(
        480, description="largest side of a validation picture, pixels: its central crop, or the whole picture reduced"
    )
    patience: PositiveInt | None = Field(
        None,
        description="stop after this many validations without improvement; null for never. Use it with a constant "
        "rate (schedule.floor 1): with a cosine schedule, the last steps improve the most",
    )

    @model_validator(mode="after")
    def _weights_are_used(self) -> Self:
        if self.weights is not None and not find_metric(self.metric).metric.takes_weights:
            raise ValueError(f"validation.weights: '{self.metric}' has no weights; remove it")
        return self


class Penalty(_Options):
    """Gradient penalty of the discriminator: R1 at photographs, or WGAN-GP between photographs and fakes."""

    kind: Literal["r1", "gradient"]
    weight: PositiveFloat = Field(10.0, description="weight of the penalty")
    every: PositiveInt = Field(1, description="compute it every n-th step, with n times the weight")


class Discriminator(_Options):
    """A second network, trained to distinguish the first one's output from photographs."""

    network: AnyDiscriminator
    form: Form = Field("relativistic", description="form of the adversarial loss, for both networks")
    weight: PositiveFloat = Field(1.0, description="weight of the discriminator's loss")
    penalty: Penalty | None = None
    optimizer: AnyOptimizer = Optimizer(lr=1e-4, betas=(0.9, 0.999))
    begin: int = Field(0, ge=0, description="first step at which it is trained, from 0")


class Guidance(_Options):
    """Prompts that learn what bad and good pictures are, alternating with the network (CLIP-LIT).

    The first steps train only the prompts. Then the network learns to reconstruct its input, and after that they take
    turns. ``train.steps`` counts the steps of both.
    """

    encoder: AnyHeldFeatures = EfficientNetLite0Options(taps=("head",))
    prompts: Literal["latent", "text"] = Field(
        "latent", description="latent: two free vectors, for any encoder; text: two learned texts, for CLIP"
    )
    side: PositiveInt | None = Field(
        224, description="side of the square that pictures are resized to, pixels; null keeps their size"
    )
    begin: PositiveInt = Field(8000, description="first steps, which train the prompts to distinguish the two sets")
    reconstruct: int = Field(1000, ge=0, description="network steps before the first round")
    enhance: PositiveInt = Field(2100, description="network steps per round")
    refine: PositiveInt = Field(1000, description="prompt steps per round, which learn to rank the network's results")
    weight: PositiveFloat = Field(200.0, description="weight of the ranking loss")
    optimizer: AnyOptimizer = Optimizer(lr=5e-4, betas=(0.9, 0.999), weight_decay=1e-3)

    @model_validator(mode="after")
    def _reads(self) -> Self:
        if self.prompts == "text" and not isinstance(self.encoder, ClipOptions):
            raise ValueError(f"'{self.encoder.kind}' does not read text; use prompts: latent, or the encoder clip")
        return self


class Recipe(_Options):
    """A complete training run."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", description="name of the exported model")
    task: Literal["super-resolution", "restoration", "enhancement", "filter-removal"] = Field(
        "super-resolution", description="task of the exported model; at scale 1, super-resolution counts as restoration"
    )
    scale: int = Field(ge=1, le=8, description="factor by which sides grow")
    network: AnyNetwork
    data: AnyData
    validation: Validation = Validation()
    discriminator: Discriminator | None = None
    guidance: Guidance | None = None
    teacher: Teacher | None = None
    flow: Flow | None = None
    losses: list[AnyLoss] = Field(default=[PixelOptions(kind="l1")], min_length=1)
    train: Train = Train()
    licence: str = Field("unspecified", description="license of the trained weights, written into the model")
    data_note: str = Field("", description="where the photographs come from, written into the model")
    plugins: list[Annotated[str, Field(pattern=f"^{NAME}$")]] = Field(
        [],
        description="Python modules that add losses, networks and other parts. Because they run code, each must also "
        "be allowed by --plugin, or the recipe trusted by --trust-recipe",
    )

    @model_validator(mode="after")
    def _always_a_loss(self) -> Self:
        begins = {0, *(n for loss in self.losses for n in (loss.begin, loss.end or 0))}
        for step in sorted(n for n in begins if n < self.train.steps):
            if not any(loss.counts_at(step) for loss in self.losses):
                raise ValueError(
                    f"no loss is active at step {step} of {self.train.steps}; see begin and end of the losses"
                )
        late = [loss.kind for loss in self.losses if loss.begin >= self.train.steps]
        if late:
            raise ValueError(f"{', '.join(late)} would begin after the last of {self.train.steps} steps; lower begin")
        return self

    @model_validator(mode="after")
    def _same_size(self) -> Self:
        key = self.data.same_size()
        if self.scale != 1 and key is not None:
            raise ValueError(f"data.{key}: input and target have the same size, so scale must be 1, not {self.scale}")
        return self

    @model_validator(mode="after")
    def _translation(self) -> Self:
        if isinstance(self.network, TranslatingOptions) and self.scale != 1:
            raise ValueError(f"the network 'translating' reproduces its input, so scale must be 1, not {self.scale}")
        return self

    @model_validator(mode="after")
    def _losses_fit(self) -> Self:
        for loss in self.losses:
            loss.check(self)
        return self

    @model_validator(mode="after")
    def _unpaired(self) -> Self:
        if self.validation.folder is not None and self.validation.pairs is not None:
            raise ValueError("validation.folder and validation.pairs cannot be combined; remove one of them")
        if self.validation.folder is not None and not self.data.train:
            raise ValueError("validation.folder needs data.train, from which inputs are made; use validation.pairs")
        if self.data.has_targets:
            return self
        compares = find_metric(self.validation.metric).metric.reference
        if self.validation.patience is not None and self.validation.pairs is None and compares:
            raise ValueError(
                "validation.patience needs validation.pairs, or a metric without references such as niqe, because "
                "unpaired data have no targets"
            )
        return self

    @model_validator(mode="after")
    def _discriminator_is_used(self) -> Self:
        if self.discriminator is not None and not any(loss.uses_discriminator for loss in self.losses):
            raise ValueError(
                "no loss uses the discriminator; add {kind: adversarial}, or the encoder {kind: discriminator}"
            )
        return self

    @model_validator(mode="after")
    def _teacher_is_used(self) -> Self:
        if self.teacher is None:
            return self
        if not any(loss.uses_teacher for loss in self.losses):
            raise ValueError("no loss uses the teacher; set teacher: true in one, such as {kind: l1, teacher: true}")
        if self.teacher.unless_blurred is not None and not self.data.has_targets:
            raise ValueError("teacher.unless_blurred needs photographs to keep as targets, and the data have none")
        if self.train.stride > 1:
            raise ValueError("the teacher needs whole patches, and train.stride leaves pixels out: set it to 1")
        return self

    @model_validator(mode="after")
    def _flow_fits(self) -> Self:
        if self.flow is None:
            if self.network.takes_time():
                raise ValueError(f"the network '{self.network.kind}' is a velocity: add flow, which says of what")
            return self
        if not self.network.takes_time():
            raise ValueError(
                f"flow needs a network that takes a time, such as {{kind: velocity}}, not '{self.network.kind}'; the "
                "network that the flow begins at is flow.network"
            )
        with_flow = {"discriminator": self.discriminator, "guidance": self.guidance, "teacher": self.teacher}
        if others := [name for name, value in with_flow.items() if value is not None]:
            raise ValueError(f"flow cannot be combined with {' and '.join(others)}; remove one of them")
        if any(not isinstance(loss, PixelOptions) or (loss.kind, loss.space) != ("l2", "rgb") for loss in self.losses):
            raise ValueError("flow learns the mean of velocities, which only l2 has: use losses: [{kind: l2}]")
        return self

    @model_validator(mode="after")
    def _patch_fits(self) -> Self:
        needs = self.needs()
        patch, multiple, least = self.data.patch, needs.multiple, max(needs.multiple, needs.minimum)
        if patch % multiple or patch < least:
            near = max(-(-least // multiple), round(patch / multiple)) * multiple
            raise ValueError(
                f"data.patch: the network '{self.network.kind}' needs sides of at least {least} that are multiples of "
                f"{multiple}, not {patch}; try {near}"
            )
        judge = self.discriminator
        if judge is not None and self.scale * patch < judge.network.minimum():
            raise ValueError(
                f"data.patch: the discriminator '{judge.network.kind}' needs pictures of at least "
                f"{judge.network.minimum()} pixels, but patches of {patch} become {self.scale * patch}; increase patch"
            )
        return self

    @model_validator(mode="after")
    def _stride_fits(self) -> Self:
        if self.train.stride > 1:
            if not (self.network.context() and self.network.halo(self.scale) == 0) or self.discriminator is not None:
                raise ValueError(
                    "train.stride is only for networks that are conditioned on a thumbnail and change single pixels"
                )
            if self.data.patch % self.train.stride or self.data.patch < 2 * self.train.stride:
                raise ValueError(f"train.stride {self.train.stride} does not divide data.patch {self.data.patch}")
        return self

    @model_validator(mode="after")
    def _strength_is_taken(self) -> Self:
        if self.train.strength is not None and (not self.network.takes_strength() or self.network.context()):
            raise ValueError("train.strength is only for networks with two last layers: residual with strength: true")
        return self

    @model_validator(mode="after")
    def _guidance_is_used(self) -> Self:
        if self.guidance is None:
            return self
        if not any(loss.uses_prompts for loss in self.losses):
            raise ValueError("no loss uses the prompts of guidance; add {kind: prompt-score}")
        if self.guidance.begin >= self.train.steps:
            raise ValueError(
                f"guidance.begin ({self.guidance.begin} steps) must be below train.steps ({self.train.steps}): "
                "otherwise, the network is never trained"
            )
        return self

    def needs(self, flow_steps: int | None = None) -> InputNeeds:
        """What the model needs of its input.

        Args:
            flow_steps: of its flow; None for those of ``flow``.
        """
        if self.flow is None:
            return InputNeeds.of_network(self.network, self.scale)
        return InputNeeds.of_flow(self.flow, self.network, self.scale, flow_steps or self.flow.steps)

    def digest(self) -> str:
        """SHA-256 of everything in the recipe that differs from the defaults, in a canonical form.

        Adding an option whose default keeps the previous behavior does not change the digests of older recipes.
        """
        return hashlib.sha256(json.dumps(_explicit_values(self), sort_keys=True).encode()).hexdigest()

    def as_dict(self) -> JsonObject:
        """Plain values, including all defaults."""
        return self.model_dump(mode="json")


def _explicit_values(value: object) -> object:
    """Plain values without defaults; ``kind`` is always included, as it identifies the class."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {
            name: _explicit_values(getattr(value, name))
            for name, field in fields.items()
            if name == "kind" or getattr(value, name) != field.get_default(call_default_factory=True)
        }
    if isinstance(value, dict):
        return {key: _explicit_values(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_explicit_values(item) for item in value]
    return str(value) if isinstance(value, Path) else value
