"""Files of a scheduler that swarmnet made: they begin with a mark; what does not is someone else's."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from swarmnet.errors import UnwrittenError, UsageError
from swarmnet.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MARK = "# made by `swarmnet schedule install`"
"""How the first line of each of our files begins."""
COMMAND_LIMIT = 60.0
"""Seconds that systemctl or crontab may take."""


def marked(cluster: str) -> str:
    """Return the first line of a file that belongs to the schedule of a cluster; names keep to one line."""
    return f"{MARK} for cluster {cluster!r}; `swarmnet schedule remove` removes it"


def write_ours(files: Mapping[Path, str]) -> None:
    """Write files, which replace earlier ones of ours.

    Raises:
        UsageError: one of them is there and not ours, or cannot be written; then none was written.
    """
    for path in files:
        if path.is_symlink() or (path.exists() and not _is_ours(path)):
            raise UsageError(
                f"{path} was not made by swarmnet; it is not replaced", hint="look at it, then move it away"
            )
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text.encode(), mode=0o644)
        except OSError as error:
            raise UnwrittenError(path, error) from None


def remove_ours(files: Sequence[Path]) -> tuple[str, ...]:
    """Remove those of the files that are ours; return a line for each that was there."""
    said: list[str] = []
    for path in files:
        if path.is_symlink() or (path.exists() and not _is_ours(path)):
            said.append(f"{path} stays: swarmnet did not make it")
        elif path.exists():
            path.unlink()
            said.append(f"removed {path}")
    return tuple(said)


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(MARK)) == MARK.encode()
    except OSError:
        return False


def run(argv: Sequence[str], text: str | None = None) -> tuple[int, str, str]:
    """Run a program of the scheduler; return its exit code and both outputs, 127 where it is not there."""
    try:
        done = subprocess.run(
            argv,
            input=text,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=COMMAND_LIMIT,
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError:
        return 127, "", f"{argv[0]}: not found"
    except subprocess.TimeoutExpired:
        return 124, "", f"{argv[0]} did not end within {COMMAND_LIMIT:g} s"
    return done.returncode, done.stdout, done.stderr
