"""How real processes end that are asked to (M3): by a signal, or because their terminal went away."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from swarmnet.cli.signals import SAME_HANGUP
from tests.support.waiting import seen, soon

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
LIMIT = 240.0
HOLDS_A_LOCK = """
import sys, time
from swarmnet.cli import signals
from swarmnet.workflows.lock.holders import holders
from swarmnet.workflows.lock.lock import held
from swarmnet.workflows.fleet.observe import observe
from tests.simulator import World
from tests.support.goals import operator

signals.heed()
world = World(managers=3)
ports = world.ports(listener=lambda event: sys.stderr.write(str(event)))
try:
    with held(ports, observe(ports), operator=operator(), command="apply"):
        sys.stderr.write("ready\\n")
        sys.stderr.flush()
        time.sleep(100)
finally:
    sys.stderr.write("cleaning up\\n" * 10)
    sys.stderr.flush()
    open(sys.argv[1], "w").write(f"{len(holders(ports, observe(ports)))} locks")
"""
EXECUTES = """
import sys, time
from swarmnet.cli import signals

signals.heed()
with signals.Interruption() as stop:
    sys.stderr.write("ready\\n")
    sys.stderr.flush()
    while not stop.requested:
        time.sleep(0.01)
    open(sys.argv[1], "w").write("asked")
    time.sleep(100)
"""


def started(script: str, left: Path, *, stderr: int) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-c", script, str(left)]
    return subprocess.Popen(argv, cwd=ROOT, stdin=stderr, stdout=stderr, stderr=stderr, start_new_session=True)


class Terminal:
    """A terminal that can go away."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        self._said = b""

    def shows(self, words: bytes) -> None:
        """Return when it shows the words."""
        while words not in self._said:
            assert select.select([self.master], [], [], LIMIT)[0], self._said
            self._said += os.read(self.master, 4096)

    def close(self) -> None:
        """Go away; the kernel signals the processes on it."""
        for end in (self.slave, self.master):
            with suppress(OSError):
                os.close(end)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    one = Terminal()
    yield one
    one.close()


def appears(path: Path) -> str:
    found = seen(lambda: path.read_text(encoding="utf-8") if path.exists() else "", bool, every=0.01)
    assert found, f"{path} was not written"
    return found


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_a_run_give_back_its_locks(number: int, terminal: Terminal, tmp_path: Path) -> None:
    left = tmp_path / "left"
    process = started(HOLDS_A_LOCK, left, stderr=terminal.slave)
    terminal.shows(b"ready")

    process.send_signal(number)

    assert process.wait(LIMIT) != 0
    assert left.read_text(encoding="utf-8") == "0 locks"


def test_a_run_whose_terminal_goes_away_gives_back_its_locks_though_it_cannot_write_any_more(
    terminal: Terminal, tmp_path: Path
) -> None:
    left = tmp_path / "left"
    process = started(HOLDS_A_LOCK, left, stderr=terminal.slave)
    terminal.shows(b"ready")
    terminal.close()

    # The kernel tells the session's leader alone; a shell would pass it on, and the kernel tell it once more.
    for _ in range(2):
        process.send_signal(signal.SIGHUP)

    assert process.wait(LIMIT) != 0
    assert left.read_text(encoding="utf-8") == "0 locks"


@pytest.mark.parametrize("first", [signal.SIGHUP, signal.SIGTERM])
def test_the_first_signal_asks_an_execution_to_stop_and_the_second_ends_it_at_once(
    first: int, terminal: Terminal, tmp_path: Path
) -> None:
    left = tmp_path / "left"
    process = started(EXECUTES, left, stderr=terminal.slave)
    terminal.shows(b"ready")

    process.send_signal(first)
    assert appears(left) == "asked"
    assert process.poll() is None
    time.sleep(SAME_HANGUP)
    process.send_signal(first)

    assert process.wait(LIMIT) != 0


def test_a_run_that_was_started_to_outlive_its_terminal_does(tmp_path: Path) -> None:
    left, said = tmp_path / "left", tmp_path / "said"
    argv = ["nohup", sys.executable, "-c", EXECUTES, str(left)]
    with said.open("wb") as out:
        process = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    assert soon(lambda: "ready" in appears(said), every=0.01)

    process.send_signal(signal.SIGHUP)
    time.sleep(0.1)
    assert not left.exists()
    process.send_signal(signal.SIGTERM)

    assert appears(left) == "asked"
    process.kill()
    process.wait(LIMIT)
