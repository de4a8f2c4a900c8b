"""Keeps keys and what they open out of core dumps."""

from __future__ import annotations

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4
"""From ``linux/prctl.h``."""


def forbid_core_dumps() -> None:
    """Let this process, and those that it starts, leave no core dump from now on.

    On Linux no other process of the same user can read this one's memory either, and a dump handler that is a program
    (``core_pattern`` with a pipe), which ignores the limit, gets nothing.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
