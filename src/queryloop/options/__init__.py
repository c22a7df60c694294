"""Everything a person can type as a parameter: frozen models that know no unknown key."""

from queryloop.options.auxiliary import AdversarialOptions, LearningLossOptions, VaalOptions
from queryloop.options.ending import ComparisonOptions, StopOptions, TrackingOptions
from queryloop.options.groups import (
    DataOptions,
    ExperimentOptions,
    ModelOptions,
    Normalisation,
    OracleOptions,
    QueryOptions,
    StartOptions,
    TrainingOptions,
)
from queryloop.options.nnunet import NnUNetOptions
from queryloop.options.scoring import EvaluationOptions, ScoringOptions
from queryloop.options.strict import Options

__all__ = [
    "AdversarialOptions",
    "ComparisonOptions",
    "DataOptions",
    "EvaluationOptions",
    "ExperimentOptions",
    "LearningLossOptions",
    "ModelOptions",
    "NnUNetOptions",
    "Normalisation",
    "Options",
    "OracleOptions",
    "QueryOptions",
    "ScoringOptions",
    "StartOptions",
    "StopOptions",
    "TrackingOptions",
    "TrainingOptions",
    "VaalOptions",
]
