"""Contents of configs and secrets, read on the operator's machine."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from swarmnet.edge.operator.children import child_environment
from swarmnet.edge.operator.files import expanded
from swarmnet.errors import NoSuchFileError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Protocol

    class Source(Protocol):
        """Where a content comes from; exactly one is set (``operations.content.ContentSource``)."""

        @property
        def file(self) -> str | None:
            """Path."""

        @property
        def env(self) -> str | None:
            """Name of an environment variable."""

        @property
        def command(self) -> tuple[str, ...] | None:
            """An argv."""

        @property
        def text(self) -> str | None:
            """The content itself."""


COMMAND_LIMIT = 60.0
"""Seconds for a command that prints a content, such as a password store that asks for a touch."""
MOST_BYTES = 1024 * 1024
"""More is in no config or secret, and is not read into memory."""
_CHUNK = 64 * 1024


class LocalContents:
    """Reads files, the environment, and what commands print; never shows any of it."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment

    def read(self, source: Source, *, folder: str) -> bytes:
        """Return the content; raises ``UsageError`` when there is none."""
        if source.text is not None:
            return source.text.encode()
        if source.file is not None:
            return _file(Path(folder, expanded(source.file)))
        if source.env is not None:
            return self._variable(source.env)
        return self._printed(source.command or (), folder)

    def _variable(self, name: str) -> bytes:
        try:
            return os.fsencode(self._environment[name])
        except KeyError:
            raise UsageError(f"environment variable {name} is not set", hint=f"export {name}=...") from None

    def _printed(self, argv: Sequence[str], folder: str) -> bytes:
        try:
            with subprocess.Popen(
                argv,
                cwd=folder,
                env=child_environment(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            ) as program:
                printed = _output(program, argv[0])
        except OSError as error:
            raise UsageError(f"cannot run {argv[0]}: {error.strerror}") from error
        except subprocess.TimeoutExpired:
            raise UsageError(f"{argv[0]} printed nothing complete within {COMMAND_LIMIT:g} s") from None
        if program.returncode != 0:
            raise UsageError(f"{argv[0]} exited {program.returncode}", hint="run it by hand to see what it says")
        return printed


def _output(program: subprocess.Popen[bytes], name: str) -> bytes:
    """Return what a program prints until it ends; one that prints too much, or for too long, is ended."""
    found, deadline = bytearray(), time.monotonic() + COMMAND_LIMIT
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(cast("IO[bytes]", program.stdout), selectors.EVENT_READ)
            while ready := selector.select(max(0.0, deadline - time.monotonic())):
                piece = os.read(ready[0][0].fd, _CHUNK)
                if not piece:
                    program.wait(max(0.0, deadline - time.monotonic()))
                    return bytes(found)
                found += piece
                if len(found) > MOST_BYTES:
                    raise UsageError(f"{name} prints more than {MOST_BYTES} bytes")
        raise subprocess.TimeoutExpired(program.args, COMMAND_LIMIT)
    finally:
        program.kill()  # does nothing to one that has ended


def _file(path: Path) -> bytes:
    try:
        if not path.is_file():
            if not path.exists():
                raise NoSuchFileError(f"no such file: {path}")
            raise UsageError(f"{path} is not a regular file")
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"{path} has more than {MOST_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
