"""Kedro's settings for this project."""

import os
from pathlib import Path

import yaml
from kedro.framework import project

from queryloop.hooks import cycle_hooks
from queryloop.resolvers import once
from queryloop.session import CycleSession

_here, _own = Path("conf/logging.yml"), Path(__file__).parents[2] / "conf" / "logging.yml"
if _own.is_file() and not (_here.is_file() or "KEDRO_LOGGING_CONFIG" in os.environ):
    project.LOGGING.configure(yaml.safe_load(_own.read_text()))  # Kedro looks in the working folder alone

SESSION_CLASS = CycleSession
HOOKS = (cycle_hooks,)
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "custom_resolvers": {"once": once},
    "config_patterns": {"sweep": ["sweep*"]},
    # an environment names only what differs from base
    "merge_strategy": {"parameters": "soft", "globals": "soft", "sweep": "soft"},
}
