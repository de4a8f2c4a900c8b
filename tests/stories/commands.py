"""Typing commands as an operator would, in a directory of his own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swarmnet.lab import Lab

SWARMNET = Path(sys.executable).with_name("swarmnet")
LIMIT = 240.0
"""Seconds that one command may take."""


@dataclass(frozen=True)
class Operator:
    """Somebody at a laptop: a directory, and a home without any configuration."""

    directory: Path

    def types(self, *argv: str, exits: int | tuple[int, ...] = 0, secret: dict[str, str] | None = None) -> str:
        """Run swarmnet, insist on its exit code (or one of several), return what it printed on both streams."""
        environment = {
            **os.environ,
            "HOME": str(self.directory),
            "XDG_CONFIG_HOME": str(self.directory),
            "NO_COLOR": "1",
            **(secret or {}),
        }
        done = subprocess.run(
            [SWARMNET, *argv],
            cwd=self.directory,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
        )
        said = done.stdout + done.stderr
        accepted = exits if isinstance(exits, tuple) else (exits,)
        assert done.returncode in accepted, f"swarmnet {' '.join(argv)} ended with {done.returncode}\n{said}"
        return said

    def asks(self, *argv: str, exits: int = 0) -> Any:  # noqa: ANN401 - JSON of any shape
        """Run swarmnet with ``--json`` and return the object on stdout."""
        done = subprocess.run(
            [SWARMNET, *argv, "--json"], cwd=self.directory, capture_output=True, text=True, check=False, timeout=LIMIT
        )
        assert done.returncode == exits, done.stdout + done.stderr
        return json.loads(done.stdout)


def docker(lab: Lab, host: str, *argv: str) -> str:
    """Return what the host's own docker command prints: a witness that is not ours."""
    done = lab.exec(host, ["docker", *argv])
    assert done.exit_code == 0, done.stderr
    return done.stdout.strip()
