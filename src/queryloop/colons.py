"""Options of several commands: `--params` with colons, as `kedro run` takes it too, and lists of names."""

from __future__ import annotations

import re
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run

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
    """Kedro's own reading of `--params`, after colons became equals signs."""
    original = next(p for p in kedro_run.params if p.name == "params")
    text = with_equals(value) if isinstance(value, str) else value
    assert original.callback is not None
    return original.callback(context, option, text)
