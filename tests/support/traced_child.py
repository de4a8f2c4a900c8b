"""Set a part of a child's registers by ptrace, as User-Mode Linux does, and say how that went.

A program of its own, so that a library can be preloaded.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TRACEME, GETREGSET, SETREGSET = 0, 0x4204, 0x4205
XSTATE = 0x202
LEAST = 576
"""Bytes of the state of a processor without AVX; every one that runs the tests has more."""
XMM0 = slice(160, 176)
USED = 512
"""The byte of the state that says which of its first parts are in use."""
WORD = b"sixteen bytes in"


class Part(ctypes.Structure):
    """What ptrace takes: a buffer and its length (``struct iovec``)."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_ulong))


def registers(libc: ctypes.CDLL, request: int, pid: int, state: bytes) -> bytes:
    """Read or set registers from a buffer that begins as ``state``; return what it holds then."""
    buffer = ctypes.create_string_buffer(state, len(state))
    part = Part(ctypes.addressof(buffer), len(state))
    if libc.ptrace(ctypes.c_long(request), ctypes.c_long(pid), ctypes.c_ulong(XSTATE), ctypes.byref(part)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return buffer.raw[: part.length]


@contextmanager
def stopped_child(libc: ctypes.CDLL) -> Iterator[int]:
    """A process that waits to be traced, and is ended here."""
    pid = os.fork()
    if not pid:
        libc.ptrace(TRACEME, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    os.waitpid(pid, 0)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def outcome() -> str:
    """Return "set" where the child has the new registers and as many bytes of them as before, else what went wrong."""
    libc = ctypes.CDLL(None, use_errno=True)
    with stopped_child(libc) as pid:
        before = registers(libc, GETREGSET, pid, bytes(65536))
        part = bytearray(before[:LEAST])
        part[XMM0] = WORD
        part[USED] |= 2
        try:
            registers(libc, SETREGSET, pid, bytes(part))
        except OSError as refused:
            return str(refused.strerror)
        after = registers(libc, GETREGSET, pid, bytes(65536))
    return "set" if (len(after), after[XMM0]) == (len(before), WORD) else f"lost: {after[XMM0]!r}"


if __name__ == "__main__":
    sys.stdout.write(outcome())
