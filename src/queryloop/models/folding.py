"""Batch norms that no longer learn, folded into the convolutions before them."""

from __future__ import annotations

from typing import Any

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def folded(trunk: nn.Module) -> nn.Module:
    """A trunk that gives the same, up to rounding, without the batch norms that follow a convolution.

    trunk: in eval mode; stays as it is. An activation that is part of a batch norm, as timm has them, takes
    its place. Source: Jacob et al. 2018, section 3.2.
    """
    graph = _Tracer().trace(trunk)
    made = fx.GraphModule(trunk, graph)
    for node in graph.nodes:
        norm, conv = _module(trunk, node), _module(trunk, node.args[0]) if node.args else None
        if isinstance(norm, nn.BatchNorm2d) and isinstance(conv, nn.Conv2d) and len(node.args[0].users) == 1:
            made.set_submodule(node.args[0].target, fuse_conv_bn_eval(conv, norm))
            made.set_submodule(node.target, getattr(norm, "act", nn.Identity()))
    return made


class _Tracer(fx.Tracer):
    """Takes convolutions and batch norms whole, those of other packages too."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, nn.Conv2d | nn.BatchNorm2d) or super().is_leaf_module(m, module_qualified_name)


def _module(trunk: nn.Module, node: Any) -> nn.Module | None:
    called = isinstance(node, fx.Node) and node.op == "call_module"
    return trunk.get_submodule(str(node.target)) if called else None
