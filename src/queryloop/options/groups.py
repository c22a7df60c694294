"""The groups of parameters of a cycle, and all of them together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from queryloop.options.auxiliary import AdversarialOptions, LearningLossOptions, VaalOptions
from queryloop.options.ending import ComparisonOptions, StopOptions, TrackingOptions
from queryloop.options.nnunet import NnUNetOptions
from queryloop.options.scoring import EvaluationOptions, ScoringOptions
from queryloop.options.strict import Options
from queryloop.values import Count, Lengths, Rule, Size, Spacing, Text

Normalisation = Literal["auto", "z_score", "ct", "none"]


class DataOptions(Options):
    """How the data set is read and split."""

    test: Size | Literal["auto"] | None = None
    """Share held out as test set, or a number of samples. A test set that the data set has of its own is
    taken whole, or as many of it as a number says. auto: its own if it has one, else a fifth; null: its
    own."""
    validation: Literal[0] | Size = 0
    """Taken from the training rows; counts as labels."""
    transfer: Literal["auto", 0] | Size = "auto"
    """Taken from the validation rows for a strategy to learn on; the others choose the epoch.
    auto: half where the strategy learns on validation rows, else none."""
    patient: Rule | None = None
    """A regular expression whose one group is the patient in the id of a sample: all samples of a patient
    get into the same part. null: each sample is a patient of its own."""
    workers: Count = 2
    """Threads that decode images; changes no result."""
    image_size: Count | None = None
    """Side in pixels of the square that every image file is scaled to, its whole content squashed. null: the
    size that all have."""
    channels: Literal["auto", 1, 3] = "auto"
    """Grey or RGB. auto: RGB if the header of any image file says colour."""
    on_error: Literal["fail", "skip"] = "fail"
    """What becomes of an image file that cannot be read, or that a table names and is not there; skip decodes
    every file twice."""
    bands: Literal["all", "rgb"] = "all"
    """Of a satellite image: all bands, or those of visible light as red, green, blue."""
    binary: bool = False
    """Two classes, none and at least one, in place of counts."""
    spacing: Spacing | None = None
    """Of 3D scans, in millimetres: one for all axes, or that of z, y, x. null: the median of the data set."""
    cases: Count | None = None
    """Of 3D scans in files: take only so many, for trials; the same ones whatever the seed. null: all."""
    unlabelled: bool = False
    """Scans without labels are the pool, and all those with labels the test set; else they are refused."""
    normalisation: Normalisation = "auto"
    """Of 3D scans. z_score: mean 0 and deviation 1 in each case; ct: clipped to and scaled by the foreground
    of all cases, but for a test set that the data set has of its own (one that is drawn counts: the scale is
    older than the draw), or, with `unlabelled`, by what is brighter than the mean of its scan; none: as it
    is. auto: by the name of the channel, as nnU-Net does: ct for CT, none for noNorm, else z_score."""


class StartOptions(Options):
    """The first query, the same for all strategies of a seed."""

    size: Size = 100
    sampler: Literal["random", "balanced", "labelled", "foreground_33", "foreground_66"] = "random"
    """balanced: of images, from each class in turn. labelled: all images of the training part that come with
    a label, whatever `size` says; their labels are the first answers, and people give the others.
    foreground_33, foreground_66: of boxes, that share of the draws aims at foreground. All but random read
    the labels."""
    all_classes: bool = False
    """Of boxes: first two that hold each class."""


class QueryOptions(Options):
    """How much is asked for in each cycle."""

    size: Size = 100
    candidates: Count | None = None
    """Score only this many pool samples, drawn anew each cycle; null scores all."""
    schedule_cycles: Annotated[int, Field(ge=2)] = 5
    """Cycles over which a strategy's schedule runs, whatever `n_cycles` is."""
    control_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of each query that is drawn at random, of images: labels that say how good the network is."""
    box: Literal["whole"] | Lengths = (32, 32, 32)
    """Of 3D scans: voxels that are labelled at once, one length for all axes or that of z, y, x; an axis of
    a scan that is shorter is taken whole. 1+4096+4096 are slices, whole: whole scans."""
    stride: Lengths = (1, 1, 1)
    """Steps between the boxes of 3D scans that are scored."""
    per_case: Count = 20
    """Boxes of one scan that can come into a query, where boxes are scored."""
    loops: str | None = None
    """Of 3D scans: a folder of nnActive's loop_000.json, loop_001.json, ... The first is the starting set,
    whatever `start` says; the strategy `replay` asks for the others."""


class ModelOptions(Options):
    """The network; `name` chooses it."""

    name: str = "cnn"
    width: Count | None = None
    """Channels of the first convolution, units of an mlp's layers; null = the usual ones of the network."""
    depth: Annotated[int, Field(ge=2)] | None = None
    """Resolutions of a unet3d; null = until an axis of a patch would be shorter than 4 voxels."""
    patch: Lengths = (32, 32, 32)
    """Voxels that a unet3d sees at once in training, (z, y, x)."""
    deep_supervision: bool = True
    """The coarser resolutions of a unet3d learn from the labels too, the i-th with a weight of 1 / 2^i."""
    stem: Literal["auto", "small", "large"] = "auto"
    """First convolution of a resnet: 3x3, or 7x7 with pooling. auto: small for images up to 64 pixels."""
    pretrained: bool = False
    """Start from published ImageNet weights."""
    freeze: Literal["none", "trunk"] = "none"
    """trunk: only the head learns; the features of all images are computed once and stored."""
    resolution: Count | None = None
    """Side in pixels of the square that the network sees; null: images as they are stored."""
    head: Literal["linear", "mlp"] = "linear"
    """One linear layer, or three with batch normalisation between them."""
    dropout: Annotated[float, Field(ge=0, lt=1)] | Literal["auto"] = "auto"
    """On the input of the head's linear layers, of `mlp` but the first; auto: 0.5 where the strategy compares
    masks, else 0."""

    nnunet: NnUNetOptions = NnUNetOptions()

    @property
    def dropout_rate(self) -> float:
        """The rate as a number; `auto` that nobody settled is 0."""
        return 0.0 if self.dropout == "auto" else self.dropout

    @property
    def trunk(self) -> ModelOptions:
        """What the features of images depend on; the others say what is made of these."""
        return ModelOptions(**self.model_dump(include={"name", "width", "stem", "pretrained", "resolution"}))


class TrainingOptions(Options):
    """How a network is trained; without patience, gradient steps depend on the number of labels only."""

    epochs: Count = 10
    """Passes over the labelled set."""
    min_steps: Annotated[int, Field(ge=0)] = 600
    """With few labels the epochs are longer, until there are so many gradient steps."""
    batch_size: Count = 64
    """Samples, or patches of scans, a gradient step."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """sgd: with Nesterov's momentum."""
    learning_rate: Annotated[float, Field(gt=0)] | Literal["auto"] = 1e-2
    """auto: found anew for each training, by a range test on a copy of the network, whose 100 steps are not
    counted among those of the training."""
    weight_decay: Annotated[float, Field(ge=0)] = 1e-2
    """Of adamw apart from the gradient, of sgd in it."""
    schedule: Literal["constant", "step", "cosine", "one_cycle"] = "one_cycle"
    """Of the learning rate over all gradient steps."""
    augmentation: Literal["none", "shift", "affine", "flip_crop", "flip", "turn", "turn_flip"] = "none"
    """Of images: shift, affine or flip_crop. Of volumes: flip (along any axis), turn (with changes of
    intensity) or both."""
    class_weights: Literal["none", "balanced"] = "none"
    """balanced: a class counts as much as any other, however few of the labels it has."""
    patience: Annotated[int, Field(ge=0)] = 0
    """Epochs without a better validation accuracy before training stops; 0 trains to the end."""
    reinit: Literal["cold", "warm", "shrink_perturb"] = "cold"
    """Where each cycle's network begins: fresh weights, those of the cycle before, or these made smaller with
    noise added (Ash and Adams 2020)."""
    ensemble: Literal["seeds", "folds"] = "seeds"
    """How the networks of an ensemble differ. seeds: by all that is drawn; folds: of scans, also by what
    they learn from, each leaving out another part of the scans with labels."""
    precision: Annotated[Literal["auto", "32", "mixed", "bf16"], BeforeValidator(str)] = "auto"
    """mixed: bfloat16 in training, fp32 in whatever decides a query or is measured; bf16: everywhere. auto:
    mixed where the processor has bfloat16, else 32."""
    auxiliary: str = "auto"
    """What is trained beside the network to judge samples; auto: what the strategy asks for, or none."""
    learning_loss: LearningLossOptions = LearningLossOptions()
    adversarial: AdversarialOptions = AdversarialOptions()
    vaal: VaalOptions = VaalOptions()
    device: str = "auto"
    """As Lightning names them: cpu, cuda, mps; auto: the best there is."""
    threads: Count | Literal["auto"] = "auto"
    """Of the processor; their number can change the last digits of results, so it is recorded."""

    @model_validator(mode="after")
    def _find_rates_of_fresh_weights(self) -> Self:
        if self.learning_rate == "auto" and self.reinit == "warm":
            raise ValueError(
                "learning_rate:auto finds rates for weights that have learned nothing, far too low a one for "
                "reinit:warm: set a number, or reinit:shrink_perturb"
            )
        return self

    @property
    def beside(self) -> str:
        """The auxiliary's name; `auto` that nobody settled is none."""
        return "none" if self.auxiliary == "auto" else self.auxiliary

    def in_one(self, n_cycles: int) -> TrainingOptions:
        """One training that is as long as n_cycles of them, where networks go on from cycle to cycle."""
        if self.reinit == "cold":
            return self
        longer = {"epochs": self.epochs * n_cycles, "min_steps": self.min_steps * n_cycles}
        return self.model_copy(update=longer)


class OracleOptions(Options):
    """Who answers a query; `name` chooses it."""

    name: str = "simulated"
    noise: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the simulated answers that name another class."""


class ExperimentOptions(Options):
    """All parameters of a run."""

    experiment: Annotated[Text, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$")]
    dataset: Annotated[Text, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
    strategy: Annotated[Text, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+]*$")]
    seed: Annotated[int, Field(ge=0, strict=True)]  # 1.0 would be another folder
    n_cycles: Count
    raw_root: str
    data: DataOptions = DataOptions()
    strategy_options: dict[str, Any] = Field(default_factory=dict)
    start: StartOptions = StartOptions()
    query: QueryOptions = QueryOptions()
    model: ModelOptions = ModelOptions()
    training: TrainingOptions = TrainingOptions()
    scoring: ScoringOptions = ScoringOptions()
    oracle: OracleOptions = OracleOptions()
    evaluation: EvaluationOptions = EvaluationOptions()
    stop: StopOptions = StopOptions()
    comparison: ComparisonOptions = ComparisonOptions()
    tracking: TrackingOptions = TrackingOptions()

    def changed(self, **groups: Mapping[str, Any]) -> ExperimentOptions:
        """The same options with other values, by group and key; they are not validated again."""
        new = {name: getattr(self, name).model_copy(update=values) for name, values in groups.items()}
        return self.model_copy(update=new)
