"""The three streams of this process, whatever started it left of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def complete() -> None:
    """Give each missing stream a place: daemons and ``<&-`` start programs without some, and Python has None there.

    Without this the next file opened would become the stream, and what a child prints would be written into it.
    """
    null = Path(os.devnull)
    sys.stdin = sys.stdin or null.open(encoding="utf-8")
    sys.stdout = sys.stdout or null.open("w", encoding="utf-8")
    sys.stderr = sys.stderr or null.open("w", encoding="utf-8")


def close_stdout() -> None:
    """Let what is still buffered for stdout go nowhere, so that the end of the process does not fail on it again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
