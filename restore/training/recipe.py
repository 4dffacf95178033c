"""What a training run is: a YAML file, checked to the last key."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    model_validator,
)
from typing_extensions import Self

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
from restore.training.validation_metric import find_metric, validation_metrics


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _known_metric(name: str) -> str:
    find_metric(name)
    return name


class Validation(_Options):
    """How progress is measured: with the averaged weights, in float32, with a border of the scale left out."""

    folder: str | None = Field(None, description="a folder to validate on, instead of the held-out photographs")
    pairs: Pairs | None = Field(None, description="pairs to validate on; unpaired data have no other way")
    metric: Annotated[str, AfterValidator(_known_metric)] = Field(
        "psnr-y",
        description="what 'best' means: PSNR or SSIM on Y, PSNR on RGB where colors change, or a metric of `restore "
        "evaluate --list`; lower is better where it says so",
        json_schema_extra=lambda schema: schema.update(enum=list(validation_metrics())),
    )
    weights: Path | None = Field(
        None, description="file of weights for a learned metric; null for torch hub's cache or the metric's package"
    )
    every: PositiveInt = Field(2000, description="steps between validations")
    crop: PositiveInt = Field(480, description="largest side used of a photograph, from its middle")
    patience: PositiveInt | None = Field(
        None,
        description="validations without a better one after which training ends; null for never. With a cosine "
        "schedule the last steps gain most: for a constant rate (schedule.floor 1)",
    )

    @model_validator(mode="after")
    def _weights_are_used(self) -> Self:
        if self.weights is not None and not find_metric(self.metric).metric.takes_weights:
            raise ValueError(f"validation.weights: '{self.metric}' has no weights; leave it out")
        return self


class Optimizer(_Options):
    """Adam or AdamW."""

    kind: Literal["adam", "adamw"] = "adam"
    lr: PositiveFloat = Field(2e-3, description="learning rate at the peak")
    betas: tuple[float, float] = Field((0.9, 0.99), description="how long the gradient and its square are remembered")
    weight_decay: float = Field(
        0.0, ge=0, description="how far weights are drawn to 0; of adam it is added to the gradient"
    )


class Penalty(_Options):
    """On the discriminator's slope: R1 at photographs, or WGAN-GP between photographs and fakes."""

    kind: Literal["r1", "gradient"]
    weight: PositiveFloat = Field(10.0, description="factor of the penalty")
    every: PositiveInt = Field(1, description="steps from one to the next; it then weighs so many times as much")


class Discriminator(_Options):
    """A second network, trained to tell what the first one makes from photographs."""

    network: AnyDiscriminator
    form: Form = Field("relativistic", description="of the adversarial loss, on both sides")
    weight: PositiveFloat = Field(1.0, description="of the discriminator's own loss")
    penalty: Penalty | None = None
    optimizer: Optimizer = Optimizer(lr=1e-4, betas=(0.9, 0.999))
    begin: int = Field(0, ge=0, description="first step that it learns at, from 0")


class Guidance(_Options):
    """Prompts that learn what bad and good pictures are, in turn with the network (CLIP-LIT).

    The first steps are the prompts' alone; then the network has some, to learn to keep what is there; then they take
    turns. ``train.steps`` counts the steps of both.
    """

    encoder: AnyHeldFeatures = EfficientNetLite0Options(taps=("head",))
    prompts: Literal["latent", "text"] = Field(
        "latent", description="two free vectors, of any encoder, or two texts that learn, of CLIP"
    )
    side: PositiveInt | None = Field(224, description="of the square that pictures are squeezed into; null for not")
    begin: PositiveInt = Field(8000, description="first steps, of the prompts: to tell both sets apart")
    reconstruct: int = Field(1000, ge=0, description="steps of the network before the first round")
    enhance: PositiveInt = Field(2100, description="steps of the network in a round")
    refine: PositiveInt = Field(1000, description="steps of the prompts after them: to rank what it made")
    weight: PositiveFloat = Field(200.0, description="of the ranking")
    optimizer: Optimizer = Optimizer(lr=5e-4, betas=(0.9, 0.999), weight_decay=1e-3)

    @model_validator(mode="after")
    def _reads(self) -> Self:
        if self.prompts == "text" and not isinstance(self.encoder, ClipOptions):
            raise ValueError(f"'{self.encoder.kind}' reads no text: use prompts: latent, or the encoder clip")
        return self


class Schedule(_Options):
    """Linear warm-up, an optional plateau, then a cosine down to ``floor`` times the peak; once, or several times."""

    warmup: int = Field(
        500, ge=0, description="steps from 0 to the full learning rate; of a short run at most half of a cycle"
    )
    hold: float = Field(0.0, ge=0, lt=1, description="fraction of all steps before the cosine begins")
    floor: float = Field(1e-3, ge=0, le=1, description="last learning rate over the peak")
    peaks: list[PositiveFloat] = Field(
        [1.0],
        min_length=1,
        description="of each cycle over train.optimizer.lr; all cycles are as long, and warm restarts lie between "
        "them. A run that ended may go on with another cycle: train.steps and this one longer",
    )


class Train(_Options):
    """The loop."""

    steps: PositiveInt = Field(60_000, description="updates of the weights, each by a batch")
    batch: PositiveInt = Field(16, description="samples of a step, over all processes")
    accumulate: PositiveInt = Field(1, description="pieces that a batch is done in, one after another, to save memory")
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    ema: float = Field(0.999, ge=0, lt=1, description="decay of the averaged weights that are validated and exported")
    clip: float | None = Field(1.0, gt=0, description="largest gradient norm; null for no clipping")
    precision: Literal["bf16", "fp32"] = Field("bf16", description="of what the networks compute; weights stay fp32")
    save_every: PositiveInt = Field(1000, description="steps between checkpoints")
    seed: int = Field(0, ge=0, description="of the first weights and of everything that is drawn")
    stride: PositiveInt = Field(
        1,
        description="of networks that judge by a thumbnail: of a view every so many-th row and column is changed and "
        "compared, the thumbnail is of all of it",
    )

    @model_validator(mode="after")
    def _even_pieces(self) -> Self:
        if self.batch % self.accumulate:
            raise ValueError(f"a batch of {self.batch} cannot be done in {self.accumulate} equal pieces")
        return self


class Recipe(_Options):
    """A whole run."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", description="what the exported model is called")
    task: Literal["super-resolution", "restoration", "enhancement", "filter-removal"] = Field(
        "super-resolution", description="what the model says that it does"
    )
    scale: int = Field(ge=1, le=8, description="how many times longer the sides become")
    network: AnyNetwork
    data: AnyData
    validation: Validation = Validation()
    discriminator: Discriminator | None = None
    guidance: Guidance | None = None
    losses: list[AnyLoss] = Field(default=[PixelOptions(kind="l1")], min_length=1)
    train: Train = Train()
    licence: str = Field("unspecified", description="licence of the trained weights, written into the model")
    data_note: str = Field("", description="where the photographs come from, written into the model")
    plugins: list[Annotated[str, Field(pattern=f"^{NAME}$")]] = Field(
        [],
        description="Python modules that add losses, networks and other parts. They are code: each must also be named "
        "by --plugin, or the recipe trusted by --trust-recipe",
    )

    @model_validator(mode="after")
    def _always_a_loss(self) -> Self:
        begins = {0, *(n for loss in self.losses for n in (loss.begin, loss.end or 0))}
        for step in sorted(n for n in begins if n < self.train.steps):
            if not any(loss.counts_at(step) for loss in self.losses):
                raise ValueError(
                    f"no loss counts at step {step} of {self.train.steps}: see begin and end of the losses"
                )
        late = [loss.kind for loss in self.losses if loss.begin >= self.train.steps]
        if late:
            raise ValueError(f"{', '.join(late)} would begin after the last of {self.train.steps} steps")
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
            raise ValueError(f"the network 'translating' gives back what it gets: scale 1, not {self.scale}")
        return self

    @model_validator(mode="after")
    def _losses_fit(self) -> Self:
        for loss in self.losses:
            loss.check(self)
        return self

    @model_validator(mode="after")
    def _unpaired(self) -> Self:
        if self.validation.folder is not None and self.validation.pairs is not None:
            raise ValueError(
                "validation.folder and validation.pairs: one of them says what to measure on; leave one out"
            )
        if self.validation.folder is not None and not self.data.train:
            raise ValueError("validation.folder is for inputs made of data.train: give validation.pairs")
        if self.data.has_targets:
            return self
        compares = find_metric(self.validation.metric).metric.reference
        if self.validation.patience is not None and self.validation.pairs is None and compares:
            raise ValueError(
                "validation.patience needs validation.pairs, or a metric without references such as niqe: unpaired "
                "pictures measure nothing else"
            )
        return self

    @model_validator(mode="after")
    def _discriminator_is_used(self) -> Self:
        if self.discriminator is not None and not any(loss.uses_discriminator for loss in self.losses):
            raise ValueError(
                "no loss uses the discriminator: add {kind: adversarial}, or {kind: discriminator} as an encoder"
            )
        return self

    @model_validator(mode="after")
    def _patch_fits(self) -> Self:
        patch, multiple = self.data.patch, self.network.multiple(self.scale)
        least = max(multiple, self.network.minimum())
        if patch % multiple or patch < least:
            near = max(-(-least // multiple), round(patch / multiple)) * multiple
            raise ValueError(
                f"data.patch: the network '{self.network.kind}' takes sides of at least {least} that are multiples of "
                f"{multiple}, not {patch}: try {near}"
            )
        judge = self.discriminator
        if judge is not None and self.scale * patch < judge.network.minimum():
            raise ValueError(
                f"data.patch: the discriminator '{judge.network.kind}' judges pictures of at least "
                f"{judge.network.minimum()} pixels, and patches of {patch} become {self.scale * patch}: enlarge patch"
            )
        return self

    @model_validator(mode="after")
    def _stride_fits(self) -> Self:
        if self.train.stride > 1:
            if not (self.network.context() and self.network.halo(self.scale) == 0) or self.discriminator is not None:
                raise ValueError("train.stride is for networks that judge by a thumbnail and change single pixels")
            if self.data.patch % self.train.stride or self.data.patch < 2 * self.train.stride:
                raise ValueError(f"train.stride {self.train.stride} does not divide data.patch {self.data.patch}")
        return self

    @model_validator(mode="after")
    def _guidance_is_used(self) -> Self:
        if self.guidance is None:
            return self
        if not any(loss.uses_prompts for loss in self.losses):
            raise ValueError("no loss uses the prompts of guidance: add {kind: prompt-score}")
        if self.guidance.begin >= self.train.steps:
            raise ValueError(
                f"guidance.begin ({self.guidance.begin} steps) leaves none of {self.train.steps} to the network"
            )
        return self

    def digest(self) -> str:
        """SHA-256 of what the recipe says beyond the defaults, in one canonical spelling.

        An option that is added later, with a default that does as before, leaves the digests of older recipes alone.
        """
        return hashlib.sha256(json.dumps(_said(self), sort_keys=True).encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, every default spelt out."""
        return self.model_dump(mode="json")


def _said(value: Any) -> Any:
    """Plain values without what is a default; a kind is said even so, for it tells classes apart."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {
            name: _said(getattr(value, name))
            for name, field in fields.items()
            if name == "kind" or getattr(value, name) != field.get_default(call_default_factory=True)
        }
    if isinstance(value, dict):
        return {key: _said(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_said(item) for item in value]
    return str(value) if isinstance(value, Path) else value
