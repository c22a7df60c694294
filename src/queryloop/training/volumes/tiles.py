"""Running over a volume tile by tile, and putting what is found together again, a few planes at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched, product

import numpy as np
import torch
from torch import Tensor

from queryloop.training.volumes.cases import Triple, patch
