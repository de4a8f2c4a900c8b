"""The engine's way of sending stdout and stderr in one stream."""

from __future__ import annotations

import struct

_HEADER = struct.Struct(">BxxxL")
_STDERR = 2


class Frames:
    """Takes a stream apart as it comes: frames of a kind, a length, and that many bytes (Engine API, attach)."""

    def __init__(self) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()
        self._pending = bytearray()

    def feed(self, data: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        self._pending += data
        position = 0
        while len(self._pending) - position >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._pending, position)
            end = position + _HEADER.size + length
            if end > len(self._pending):
                break
            (self.stderr if kind == _STDERR else self.stdout).extend(self._pending[position + _HEADER.size : end])
            position = end
        del self._pending[:position]

    def take_line(self) -> bytes:
        """Take the first whole line off stdout, return it without its end; raises ``ValueError`` if there is none."""
        end = self.stdout.index(b"\n")
        line = bytes(self.stdout[:end])
        del self.stdout[: end + 1]
        return line
