"""Small Python programs in processes of their own, which say when they are where the test wants them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

STAY = "print('here', flush=True); sys.stdin.read()"
"""Say that this line is reached, and stay until standard input is closed."""


@contextmanager
def running(program: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs `program` and has said its first line; killed at the end."""
    code = f"import os, sys\nfrom pathlib import Path\n{program}"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline()
            yield process
        finally:
            process.kill()


def output(program: str) -> str:
    """What `program` printed, however it ended."""
    code = f"import os, sys\nfrom pathlib import Path\n{program}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout
