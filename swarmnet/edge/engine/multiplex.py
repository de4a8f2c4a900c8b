"""The engine's way of sending stdout and stderr in one stream."""

from __future__ import annotations

import struct

_HEADER = struct.Struct(">BxxxL")
_STDERR = 2
_KINDS = 4
"""stdin, stdout, stderr, and the engine's own errors (``stdcopy`` of moby)."""


class Frames:
    """Takes a stream apart as it comes: frames of a kind, a length, and that many bytes (Engine API, attach).

    What a frame says that it will bring is not waited for: its bytes are taken as they come, and only the last
    ``keep`` of stdout and of stderr are held.
    """

    def __init__(self, keep: int, *, apart: bool = True) -> None:
        """Start empty; ``apart`` False takes both into ``stdout``, in the order in which they were printed."""
        self.stdout = bytearray()
        self.stderr = bytearray() if apart else self.stdout
        self.lines = 0
        """Complete lines of stdout that are buffered."""
        self._keep = keep
        self._head = bytearray()
        self._kind = 0
        self._due = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes, cut anywhere; raises ``ValueError`` where they cannot start a frame."""
        position = 0
        while position < len(data):
            if not self._due:
                wanted = _HEADER.size - len(self._head)
                self._head += data[position : position + wanted]
                position += wanted
                self._begin()
                continue
            part = data[position : position + self._due]
            position += len(part)
            self._due -= len(part)
            self._take(part)

    def _begin(self) -> None:
        if len(self._head) < _HEADER.size:
            return
        self._kind, self._due = _HEADER.unpack(self._head)
        if self._kind >= _KINDS or any(self._head[1:4]):
            raise ValueError(f"no frame begins with {bytes(self._head)!r}")
        self._head.clear()

    def _take(self, part: bytes) -> None:
        held = self.stderr if self._kind == _STDERR else self.stdout
        held += part
        excess = max(0, len(held) - self._keep)
        if held is self.stdout:
            self.lines += part.count(b"\n") - held.count(b"\n", 0, excess)
        del held[:excess]

    def take_line(self) -> bytes:
        """Remove and return the first complete line of stdout, without its end; raises ``ValueError`` if none."""
        end = self.stdout.index(b"\n")
        line = bytes(self.stdout[:end])
        del self.stdout[: end + 1]
        self.lines -= 1
        return line
