"""What the configuration files can call."""

from __future__ import annotations

from typing import Any

from omegaconf import OmegaConf
from omegaconf.basecontainer import BaseContainer


def once(name: str, *, _root_: BaseContainer) -> Any:
    """The node `name` of the same file, resolved once for all that refer to it.

    `${once:_place}` is `${_place}`, which OmegaConf would parse anew, with all that it is made of, for
    each of fifty paths.
    """
    known = OmegaConf.get_cache(_root_)["once"]
    if name not in known:
        known[name] = OmegaConf.select(_root_, name)
    return known[name]
