"""Contents of configs and secrets, read on the operator's machine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.edge.children import child_environment
from swarmnet.errors import UsageError

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


COMMAND_LIMIT = 60.0
"""Seconds for a command that prints a content, such as a password store that asks for a touch."""
MOST_BYTES = 1024 * 1024
"""More is in no config or secret, and is not read into memory."""


class LocalContents:
    """Reads files, the environment, and what commands print; never shows any of it."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment

    def read(self, source: Source, *, folder: str) -> bytes:
        """Return the content; raises ``UsageError`` when there is none."""
        if source.file is not None:
            return _file(Path(folder, Path(source.file).expanduser()))
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
            ended = subprocess.run(
                argv,
                cwd=folder,
                env=child_environment(self._environment),
                check=False,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=COMMAND_LIMIT,
            )
        except OSError as error:
            raise UsageError(f"cannot run {argv[0]}: {error.strerror}") from error
        except subprocess.TimeoutExpired:
            raise UsageError(f"{argv[0]} printed nothing complete within {COMMAND_LIMIT:g} s") from None
        if ended.returncode != 0:
            raise UsageError(f"{argv[0]} exited {ended.returncode}", hint="run it by hand to see what it says")
        return ended.stdout


def _file(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise UsageError(f"{path} is no file")
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"{path} has more than {MOST_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
