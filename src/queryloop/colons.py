"""Options of several commands: `--params` with colons, as `kedro run` takes it too, and lists of names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run

_NAMES = ("experiment", "dataset", "strategy", "raw_root")
_KEY = re.compile(r"\s*[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)*\s*")


def with_equals(parameters: str) -> str:
    """`--params` in Kedro's own form: in `key:value` the first `:` becomes `=`.

    The first of `:` and `=` separates, and what stands before it must be a dotted name; anything else
    is left as it is, for Kedro to refuse.
    """
    return ",".join(_item_with_equals(item) for item in parameters.split(","))


def read_names(_context: click.Context, _option: click.Parameter, text: str | None) -> list[str] | None:
    """Names separated by commas; None where the option is not given."""
    return None if text is None else [name.strip() for name in text.split(",")]


def _item_with_equals(item: str) -> str:
    separator = re.search("[:=]", item)
    if separator is None or separator.group() == "=" or item[separator.end() :].startswith("//"):
        return item
    key, value = item[: separator.start()], item[separator.end() :]
    return f"{key}={value}" if _KEY.fullmatch(key) else item


def read_params(context: click.Context, option: click.Parameter, value: Any) -> Any:
    """Kedro's own reading of `--params`, after colons became equals signs; names stay as they are typed."""
    original = next(p for p in kedro_run.params if p.name == "params")
    text = with_equals(value) if isinstance(value, str) else value
    assert original.callback is not None
    found = original.callback(context, option, text)
    return found | _names(text, found) if isinstance(text, str) else found


def _names(text: str, found: Mapping[str, Any]) -> dict[str, str]:
    """Those that Kedro took for numbers: 1.10 is another experiment than 1.1."""
    typed = (item.partition("=")[::2] for item in text.split(","))
    named = {key.strip(): value.strip() for key, value in typed if key.strip() in _NAMES}
    return {key: value for key, value in named.items() if not isinstance(found.get(key), str)}
