"""What can go wrong, one class a kind. A message says what, which, where, and what to do.

Each class is also the builtin that a caller would catch.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches

_SLOWER = "Lower training.learning_rate, or set training.precision:32."
_SHOWN = 5  # examples in a message, so that an error of 100,000 rows stays readable


class QueryloopError(Exception):
    """Anything queryloop refuses: shown as one paragraph, exit code 1."""


class OptionsError(QueryloopError, ValueError):
    """What a person typed (a parameter, a name, a number) cannot be used."""


class MissingFilesError(QueryloopError, FileNotFoundError):
    """Files of a data set are not where they were looked for."""


class BrokenFileError(QueryloopError, ValueError):
    """A source file is not what its format promises; names file and record."""


class NonFiniteError(QueryloopError, ArithmeticError):
    """A network or a strategy gave NaN or infinity."""


class NonFiniteRowsError(NonFiniteError):
    """Networks gave NaN or infinity for `count` of `total` rows, the first at position `first`."""

    def __init__(
        self,
        count: int,
        total: int,
        first: int,
        where: str = "",
        name: str | None = None,
        remedy: str = _SLOWER,
    ) -> None:
        super().__init__(
            f"{where}the network gave NaN or infinity for {count:,} of {total:,} samples, first "
            f"{f'at position {first}' if name is None else repr(name)}: the training diverged. {remedy}"
        )
        self.count, self.total, self.first, self.remedy = count, total, first, remedy


class InputError(QueryloopError, ValueError):
    """The arrays handed to a strategy do not fit together."""


class ExhaustedError(QueryloopError, LookupError):
    """Fewer boxes are left than were asked for; `found` of them."""

    def __init__(self, message: str, found: int) -> None:
        super().__init__(message)
        self.found = found


class FaultyStrategyError(QueryloopError, AssertionError):
    """A strategy does not keep what every strategy promises."""


class StateError(QueryloopError, RuntimeError):
    """The stored state of an experiment forbids what was asked for."""


class CorruptFileError(StateError):
    """A stored file differs from what was written."""


class LockedError(StateError):
    """Another process is working on this experiment."""


@contextmanager
def naming_rows(ids: Sequence[str], where: str) -> Iterator[None]:
    """Let a NonFiniteRowsError from inside say where it happened and to which sample."""
    try:
        yield
    except NonFiniteRowsError as e:
        raise NonFiniteRowsError(e.count, e.total, e.first, f"{where}: ", ids[e.first], e.remedy) from None


@contextmanager
def counting_rows(rows: Sequence[int], remedy: str | None = None) -> Iterator[None]:
    """Let a NonFiniteRowsError from inside tell the first one's place among all, and what helps here."""
    try:
        yield
    except NonFiniteRowsError as e:
        raise NonFiniteRowsError(e.count, e.total, rows[e.first], remedy=remedy or e.remedy) from None


def unknown(kind: str, name: str, valid: Iterable[str], more: str = "") -> OptionsError:
    """Error for a misspelt `name`, with the nearest valid names first. more: what is valid, too."""
    names = sorted(valid)
    return OptionsError(
        f"unknown {kind} {name!r}.{nearest(name, names)} Available: {', '.join(names)}{more}."
    )


def nearest(name: str, valid: Sequence[str]) -> str:
    """The question whether one of the up to three nearest names was meant, in whichever case; or ""."""
    folded, typed = {each.casefold(): each for each in valid}, name.casefold()
    close = [typed] if typed in folded else get_close_matches(typed, folded, n=3, cutoff=0.4)
    return f" Did you mean {' or '.join(repr(folded[each]) for each in close)}?" if close else ""


def cause(error: OSError) -> str:
    """What the system refused, and for which file: of what writes, it may be one that was to be read."""
    return f"{error.strerror} ({error.filename})" if error.filename else str(error.strerror)


def examples(items: Sequence[object]) -> str:
    """The first few items as text, with the number left out."""
    shown = ", ".join(str(item) for item in items[:_SHOWN])
    rest = len(items) - _SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown


def log_all(logger: logging.Logger, items: Sequence[object]) -> None:
    """One line of the log for each item, where `examples` leaves some out."""
    if len(items) > _SHOWN:
        for item in items:
            logger.info("%s", item)


def message_of(error: BaseException) -> str:
    """The message of the first project error in the chain of causes, or of the error itself."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, QueryloopError):
            return str(cause)
        cause = cause.__cause__
    return f"{type(error).__name__}: {error} (set QUERYLOOP_DEBUG=1 to see where)"
