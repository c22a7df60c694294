from __future__ import annotations

from collections.abc import Iterator

import pytest
from omegaconf import OmegaConf

from queryloop.resolvers import once


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """The keys that the resolver `count` has been asked for."""
    asked: list[str] = []
    OmegaConf.register_new_resolver("once", once, replace=True)
    OmegaConf.register_new_resolver("count", lambda key: asked.append(key) or f"<{key}>")
    yield asked
    OmegaConf.clear_resolver("count")


def test_a_node_is_resolved_once_in_each_file(asked: list[str]) -> None:
    text = "{_a: '${count:a}', _home: {path: 'x/${once:_a}'}, b: '${once:_a}/b', c: {home: '${once:_home}'}}"
    plain = text.replace("once:", "")
    for n_files in (1, 2):
        made = OmegaConf.to_container(OmegaConf.create(text), resolve=True)
        assert asked == ["a"] * 2 * n_files  # the node itself, and what refers to it
    asked.clear()
    assert made == OmegaConf.to_container(OmegaConf.create(plain), resolve=True)
    assert made["c"] == {"home": {"path": "x/<a>"}}
