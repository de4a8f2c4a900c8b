"""Streams that are full, closed, or read by somebody who has seen enough never end in a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.stories.commands import SWARMNET

if TYPE_CHECKING:
    from collections.abc import Callable

FULL = Path("/dev/full")


def ended(argv: str, *, redirected: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command with its streams redirected as a shell does it."""
    words = ["/bin/bash", "-o", "pipefail", "-c", f"exec {SWARMNET} {argv} {redirected}"]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("argv", ["schema playbook", "plan nothing.yml -i nothing.yml --json"])
def test_a_full_disk_under_stdout_is_one_sentence(argv: str) -> None:
    done = ended(argv, redirected=f"> {FULL}")

    assert done.returncode in (1, 2)
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_missing_stream_changes_nothing_else(closed: str) -> None:
    done = ended("schema playbook", redirected=closed)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("{") == (">&-" not in closed.replace("2>&-", ""))


def test_a_reader_that_has_seen_enough_is_no_error_to_tell() -> None:
    words = f"{SWARMNET} schema playbook | head -c 1"
    done = subprocess.run(["/bin/bash", "-c", words], capture_output=True, text=True, check=False, timeout=60)

    assert (done.stdout, done.stderr) == ("{", "")


def _at_once(_process: subprocess.Popen[str]) -> None:
    """Wait for nothing: the program is just being loaded."""
    time.sleep(0.07)


def _asked(process: subprocess.Popen[str]) -> None:
    """Wait until it reads its playbook from stdin, and so does nothing else."""
    reading = Path(f"/proc/{process.pid}/wchan")
    limit = time.monotonic() + 30
    while "pipe" not in reading.read_text():
        assert time.monotonic() < limit, "it never came to read stdin"
        time.sleep(0.05)


@pytest.mark.parametrize("moment", [_at_once, _asked])
def test_ctrl_c_says_interrupted_and_nothing_else(moment: Callable[[subprocess.Popen[str]], None]) -> None:
    process = subprocess.Popen(
        [SWARMNET, "plan", "-", "-i", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    with process:
        moment(process)
        process.send_signal(signal.SIGINT)
        _said, told = process.communicate(timeout=30)

    assert (process.returncode, told) == (130, "interrupted\n")
