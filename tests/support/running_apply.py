"""Applies that run during a test: begun, watched line by line, held at a step, and ended."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.commands import SWARMNET
from tests.support.waiting import soon

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from swarmnet.lab import Lab

LIMIT = 400.0
"""Seconds for an apply to end, a lost leader included."""
GATE = "/run/story-gate"


def gate(host: str) -> str:
    """Return a step of a playbook that waits until ``open_gate``: the moment to break something."""
    wait = f"for i in $(seq 1800); do [ -e {GATE} ] && exit 0; sleep 0.1; done; exit 1"
    return f'  - command: {{argv: [sh, -c, "{wait}"], unless: [test, -e, {GATE}], timeout: 200s}}\n    on: {host}\n'


def open_gate(lab: Lab, host: str) -> None:
    """Let the apply that waits there go on."""
    assert lab.exec(host, ["touch", GATE]).exit_code == 0


@dataclass
class Running:
    """An apply that runs now. ``progress`` has its progress so far."""

    process: subprocess.Popen[str]
    progress: list[str] = field(default_factory=list)
    printed: str = ""
    _readers: list[threading.Thread] = field(default_factory=list)

    @classmethod
    def begin(cls, directory: Path, *words: str) -> Running:
        """Start ``swarmnet apply`` with these words, verbosely, agreeing to everything."""
        argv = [str(SWARMNET), "apply", *words, "--yes", "-v"]
        quiet, pipe = subprocess.DEVNULL, subprocess.PIPE
        process = subprocess.Popen(argv, cwd=directory, stdin=quiet, stdout=pipe, stderr=pipe, text=True)
        running = cls(process)
        running._read(running._listen)
        running._read(running._collect)
        return running

    def wait_for(self, text: str, *, limit: float = LIMIT) -> None:
        """Return when a line of its progress has the text."""
        assert soon(lambda: self._has(text) or self.process.poll() is not None, limit=limit, every=0.02), self.said
        assert self._has(text), f"it ended without saying {text!r}\n{self.said}"

    def _has(self, text: str) -> bool:
        return any(text in line for line in self.progress)

    def ends(self, *, exits: int, limit: float = LIMIT) -> str:
        """Insist on how it ends and return all that it said."""
        try:
            code = self.process.wait(limit)
        finally:
            self.process.kill()
        for reader in self._readers:
            reader.join()
        assert code == exits, f"it ended with {code}\n{self.said}"
        return self.said

    @property
    def said(self) -> str:
        """All that it printed until now, progress first."""
        return "".join(self.progress) + self.printed

    def _read(self, work: Callable[[], None]) -> None:
        reader = threading.Thread(target=work, daemon=True)
        reader.start()
        self._readers.append(reader)

    def _listen(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            self.progress.extend(stream)

    def _collect(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            self.printed = stream.read()
