"""Keeps keys and what they open out of core dumps."""

from __future__ import annotations

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4
"""From ``linux/prctl.h``."""


def forbid_core_dumps() -> None:
    """Keep this process, and those that it starts, from leaving a core dump.

    On Linux, other processes of the same user can no longer read the memory of this one (ptrace, ``/proc/PID/mem``).
    A dump handler that is a program (``core_pattern`` with a pipe) ignores the limit, and gets nothing either.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
