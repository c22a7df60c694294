"""What commands share: --env, --params with colons, the experiment they name, errors of one paragraph."""

from __future__ import annotations

import copy
import functools
import os
import signal
import sys
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.project import PARAMS_ARG_HELP
from kedro.framework.cli.project import run as kedro_run

from queryloop.colons import read_params
from queryloop.values import over

_INTERRUPTED = "Interrupted. Nothing half-written is kept: the same command goes on after what was finished."


class TypedPath(click.Path):
    """A path as a person types it: from where the shell is, which leaves the ~ of --out=~/here as it is."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """In full, with the home folder in place of ~."""
        return Path(str(super().convert(value, param, ctx))).expanduser().absolute()


def one_paragraph(command: Callable[..., Any]) -> Callable[..., Any]:
    """Run a command in the project's folder, and turn an exception into one paragraph and exit code 1.

    Ctrl-C ends with 130. With QUERYLOOP_DEBUG=1 the traceback is shown.
    """

    @functools.wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            with chdir(_project()):  # Kedro finds it from any folder below, but not the paths of parameters
                return command(*args, **kwargs)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except KeyboardInterrupt:
            click.secho(_INTERRUPTED, err=True)
            sys.exit(128 + signal.SIGINT)
        except Exception as error:
            if os.environ.get("QUERYLOOP_DEBUG") == "1":
                raise
            from queryloop.errors import message_of

            click.secho(f"Error: {message_of(error)}", fg="red", err=True)
        sys.exit(1)

    return guarded


def _project() -> Path:
    """The folder of the project that Kedro found; where there is none, the working folder."""
    found = click.get_current_context().obj
    return found.project_path if found else Path.cwd()


def run_command() -> click.Command:
    """Kedro's `run` with every option of its own, and colons in `--params`."""
    command = copy.copy(kedro_run)
    command.params = [copy.copy(param) for param in kedro_run.params]
    next(p for p in command.params if p.name == "params").callback = read_params
    original = kedro_run.callback
    assert original is not None

    @functools.wraps(original)
    def run(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("pipeline") and not kwargs.get("pipelines"):
            # the user's own spelling, which Kedro 1.7 calls deprecated on the screen
            kwargs.update(pipelines=[kwargs["pipeline"]], pipeline=None)
        return original(*args, **kwargs)

    command.callback = one_paragraph(run)
    return command


def with_env_and_params(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--env` and `--params` as `kedro run` has them, and errors of one paragraph."""
    env = click.option("--env", "-e", default=None, help="Kedro configuration environment.")
    params = click.option("--params", default="", callback=read_params, help=PARAMS_ARG_HELP)
    return env(params(one_paragraph(command)))


def in_project(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--env` and `--params` as `kedro run` has them, and the experiment they name.

    What is not typed is what the experiment was begun with.
    """

    @functools.wraps(command)
    def with_experiment(env: str | None, params: dict[str, Any], **arguments: Any) -> Any:
        from queryloop.experiment import Experiment
        from queryloop.session import CycleSession

        def context_of(runtime: dict[str, Any]) -> Any:
            return CycleSession.create(env=env, runtime_params=runtime).load_context()

        runtime = over(_recorded(context_of(params)), params)
        return command(Experiment.of(context_of(runtime), runtime, params), **arguments)

    return with_env_and_params(with_experiment)


def _recorded(context: Any) -> dict[str, Any]:
    """The settings of the experiment as parameters; none where it was not begun, or is damaged."""
    from queryloop.errors import StateError
    from queryloop.recorded import parameters_of
    from queryloop.storage.state import read_settings

    try:
        settings = read_settings(context.catalog["labeled_index"].home)
    except StateError:  # told by what needs them
        return {}
    return parameters_of(settings) if settings else {}
