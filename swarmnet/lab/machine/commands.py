"""Run programs of the machine that hosts the lab: argv lists only, each with a limit in seconds."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Programs are looked up here, whatever PATH the caller has: ``ip`` and friends live in sbin."""


@dataclass(frozen=True, slots=True)
class Completed:
    """How a program ended."""

    argv: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str

    def last_words(self, lines: int = 6) -> str:
        """Return the end of what the program said: its standard error, else its output."""
        said = (self.stderr.strip() or self.stdout.strip()).splitlines()
        return "\n".join(said[-lines:]) or "(it said nothing)"


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return a small, predictable environment; locale C so that messages can be recognised."""
    proxies = {name: os.environ[name] for name in ("http_proxy", "https_proxy", "no_proxy") if name in os.environ}
    return {"PATH": SYSTEM_PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", **proxies, **(extra or {})}


def attempt(
    argv: Sequence[str], *, stdin: str = "", limit: float = 30.0, env: Mapping[str, str] | None = None
) -> Completed:
    """Run ``argv`` and return how it ended, whatever the exit code (127: the program does not exist).

    Raises:
        LabError: It ran longer than ``limit`` seconds; it was killed.
    """
    try:
        done = subprocess.run(
            list(argv),
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=environment(env),
            timeout=limit,
            check=False,
        )
    except FileNotFoundError:
        return Completed(tuple(argv), 127, "", f"{argv[0]}: not installed")
    except subprocess.TimeoutExpired as late:
        raise LabError(f"{' '.join(argv)} did not end within {limit:g} s") from late
    return Completed(tuple(argv), done.returncode, done.stdout, done.stderr)


def run(argv: Sequence[str], *, stdin: str = "", limit: float = 30.0) -> str:
    """Run ``argv`` and return its standard output.

    Raises:
        LabError: It ended with another code than 0, is not installed, or ran longer than ``limit`` seconds.
    """
    done = attempt(argv, stdin=stdin, limit=limit)
    if done.exit_code != 0:
        hint = "run `swarmnet lab setup`" if done.exit_code == 127 else None  # noqa: PLR2004 - the shell's own code
        raise LabError(f"{' '.join(argv)} failed ({done.exit_code}): {done.last_words()}", hint=hint)
    return done.stdout


def detach(
    joining: Callable[[Sequence[str]], list[str]], argv: Sequence[str], *, log: Path, env: Mapping[str, str]
) -> None:
    """Start ``argv`` as a process that outlives this one; what it says is added to ``log``.

    It is in its control groups (``joining`` says how to get there) before this returns, and it is not
    a child of the caller: no zombie is left.

    Raises:
        LabError: It could not be placed in its control groups.
    """
    with log.open("ab") as file:
        done = subprocess.run(
            joining(["setsid", "--fork", *argv]),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=environment(env),
            cwd="/",
            timeout=30,
            check=False,
        )
    if done.returncode != 0:
        raise LabError(f"cannot start {argv[0]} in its control groups; see {log}")
