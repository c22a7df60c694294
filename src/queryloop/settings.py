"""Kedro's settings for this project."""

from queryloop.hooks import cycle_hooks
from queryloop.resolvers import once
from queryloop.session import CycleSession

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
