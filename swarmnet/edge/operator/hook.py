"""Run a program of the operator's when something happened: what happened is on its stdin."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from swarmnet.edge.operator.children import child_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LIMIT = 60.0
"""Seconds for one run of it."""


def run_hook(argv: Sequence[str], text: str, *, more: Mapping[str, str]) -> str | None:
    """Run a program with ``text`` on its stdin, and return what went wrong; None where it ended well.

    Args:
        argv: the program and its words; no shell reads them.
        text: what it gets.
        more: variables that it gets besides the environment.
    """
    environment = {**child_environment(os.environ), **more}
    try:
        done = subprocess.run(
            argv, input=text.encode(), env=environment, stdout=subprocess.DEVNULL, check=False, timeout=LIMIT
        )
    except subprocess.TimeoutExpired:
        return f"{argv[0]} did not end within {LIMIT:g} s, and was ended"
    except OSError as error:
        return f"{argv[0]} cannot be run: {error.strerror}"
    return None if done.returncode == 0 else f"{argv[0]} ended with {done.returncode}"
