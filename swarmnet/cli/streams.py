"""The three streams of this process, whatever started it left of them, and the only way out for text.

Whatever anything prints, an unexpected traceback included, passes here: marked values are masked, and what could
steer a terminal is shown instead of sent.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swarmnet.model.printable import printable
from swarmnet.model.sensitive import SENSITIVE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

_OWN = re.compile(r"(\r\x1b\[K|\x1b\[(?:(?:[0-4]|22|24|3[1-79]|9[1-7])(?:;(?:[0-4]|22|24|3[1-79]|9[1-7]))*)?m)")
"""What swarmnet itself sends to terminals: colours, and the line of progress that is rewritten."""


class Screen(io.TextIOWrapper):
    """A stream that masks marked values and shows control characters instead of sending them."""

    def write(self, text: str) -> int:
        """Write text for people."""
        if not isinstance(text, str):  # libraries ask a stream this way whether it takes bytes
            raise TypeError("a screen takes text")
        text = SENSITIVE.masked(text)
        parts = _OWN.split(text) if self.isatty() or "FORCE_COLOR" in os.environ else [text]
        super().write("".join(part if index % 2 else printable(part) for index, part in enumerate(parts)))
        return len(text)

    def write_masked(self, text: str) -> None:
        """Write text that was masked already, such as JSON, which masking would damage."""
        super().write(text)


def complete() -> None:
    """Replace each missing stream, and let all text for people pass a ``Screen``.

    Daemons and ``<&-`` start programs without some streams, and Python has None there. Without a replacement, the next
    file opened would become the stream, and what a child prints would be written into it.
    """
    null = Path(os.devnull)
    sys.stdin = sys.stdin or null.open(encoding="utf-8")
    sys.stdout = _screen(sys.stdout or null.open("w", encoding="utf-8"))
    sys.stderr = _screen(sys.stderr or null.open("w", encoding="utf-8"))


def echo_json(tree: Mapping[str, Any], *, indent: int | None = None) -> None:
    """Print an object as JSON on stdout, without marked values."""
    write_program_text(
        json.dumps(SENSITIVE.masked_json(dict(tree)), indent=indent, sort_keys=indent is not None) + "\n"
    )


def write_program_text(text: str) -> None:
    """Write text for programs on stdout, in which marked values are masked already: masking again could damage it."""
    if isinstance(sys.stdout, Screen):
        sys.stdout.write_masked(text)
    else:
        sys.stdout.write(text)


def close_stdout() -> None:
    """Discard what is buffered for stdout, so that the end of the process does not fail on it again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _screen(stream: TextIO) -> TextIO:
    """Return a screen over a text stream; one that has no bytes below it (a test's) is left alone."""
    if not isinstance(stream, io.TextIOWrapper) or isinstance(stream, Screen):
        return stream
    is_line_wise, is_direct, encoding = stream.line_buffering, stream.write_through, stream.encoding
    # Marked values and host names are any text: a locale that knows ASCII alone must not end a command.
    encoding = "utf-8" if encoding.lower() in ("ascii", "us-ascii", "ansi_x3.4-1968") else encoding
    return Screen(
        stream.detach(),
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=is_line_wise,
        write_through=is_direct,
    )
