"""Typing commands as an operator would, in a directory of their own."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from platformdirs import user_cache_path

from tests.support.waiting import seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.lab import Lab
    from swarmnet.lab.machine.commands import Completed

SWARMNET = Path(sys.executable).with_name("swarmnet")
CACHE = str(user_cache_path())
"""Of the machine, for all operators: packing the probe's image takes seconds, and its bytes are always the same."""
LIMIT = 600.0
"""Seconds that one command may take."""
ELECTING = ("context deadline exceeded", "does not have a leader", "no elected cluster leader")
OVERTAKEN = "update out of sequence"
"""Managers themselves wrote to the object between the command's reading and its writing, which changed nothing."""
LATE = ("attaching to network failed", "not found")
ATTACH_LIMIT = 180.0
ELECTION_LIMIT = 180.0
"""Seconds for managers to elect a leader on a busy machine (seen: 71); each answers within some 5 to 10."""


@dataclass(frozen=True)
class Operator:
    """Someone at a laptop: a directory, and a home without any configuration."""

    directory: Path

    def types(self, *argv: str, exits: int | tuple[int, ...] = 0, secret: dict[str, str] | None = None) -> str:
        """Run swarmnet, insist on its exit code (or one of several), return what it printed on both streams."""
        done = subprocess.run(
            [SWARMNET, *argv],
            cwd=self.directory,
            env=self._environment(secret),
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
        )
        said = done.stdout + done.stderr
        accepted = exits if isinstance(exits, tuple) else (exits,)
        assert done.returncode in accepted, f"swarmnet {' '.join(argv)} ended with {done.returncode}\n{said}"
        return said

    def asks(self, *argv: str, exits: int | tuple[int, ...] = 0) -> Any:  # noqa: ANN401 - JSON of any shape
        """Run swarmnet with ``--json`` and return the object on stdout."""
        done = subprocess.run(
            [SWARMNET, *argv, "--json"],
            cwd=self.directory,
            env=self._environment(None),
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
        )
        accepted = exits if isinstance(exits, tuple) else (exits,)
        assert done.returncode in accepted, done.stdout + done.stderr
        return json.loads(done.stdout)

    @contextmanager
    def begins(self, *argv: str, until: str) -> Iterator[subprocess.Popen[str]]:
        """Run swarmnet in the background; the block begins when a line of its progress has the text of ``until``."""
        with subprocess.Popen(
            [SWARMNET, *argv],
            cwd=self.directory,
            env=self._environment(None),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            seen = []
            for line in process.stderr:
                seen.append(line)
                if until in line:
                    break
            else:
                raise AssertionError(f"it ended without saying {until!r}:\n{''.join(seen)}")
            yield process

    def converses(self, *argv: str, asked: str, keys: str, exits: int) -> str:
        """Run swarmnet at a terminal of its own, press ``keys`` when it has asked, return what the screen showed."""
        ours, theirs = pty.openpty()
        at_terminal = ["/usr/bin/setsid", "--ctty", "--wait", str(SWARMNET), *argv]
        with subprocess.Popen(
            at_terminal, cwd=self.directory, env=self._environment(None), stdin=theirs, stdout=theirs, stderr=theirs
        ) as process:
            os.close(theirs)
            seen = _read(ours, asked)
            os.write(ours, keys.encode())
            seen += _read(ours, None)  # decoded as one: a read may end within a character
            process.wait(timeout=LIMIT)
        os.close(ours)
        screen = seen.decode()
        assert process.returncode == exits, screen
        return screen

    def writes_inventory(self, lab: Lab, hosts: Mapping[str, Mapping[str, object]], *, name: str = "hosts.yml") -> str:
        """Write an inventory with these hosts of the lab, each with what is said of it; an impatient one."""
        document = yaml.safe_load(lab.inventory.read_text(encoding="utf-8"))
        document["ssh"] |= {"connect_timeout": 8, "connect_attempts": 1}
        document["hosts"] = {one: {"address": str(lab.host(one).address), **facts} for one, facts in hosts.items()}
        (self.directory / name).write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        return name

    def writes_playbook(self, *steps: str, name: str = "play.yml") -> str:
        """Write a playbook with these steps, each in one line of YAML."""
        lines = ["schema: 1", f"name: {Path(name).stem}", "steps:", *(f"  - {step}" for step in steps)]
        (self.directory / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return name

    def _environment(self, secret: Mapping[str, str] | None) -> dict[str, str]:
        home = str(self.directory)
        own = {"HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": CACHE, "NO_COLOR": "1"}
        return {**os.environ, **own, **(secret or {})}


def _read(terminal: int, until: str | None) -> bytes:
    """Return what the screen shows until the text appears, or, for None, until the other side has hung up."""
    seen = b""
    deadline = time.monotonic() + LIMIT
    while until is None or until.encode() not in seen:
        left = deadline - time.monotonic()
        assert select.select([terminal], [], [], max(0.0, left))[0], f"nothing more came after:\n{seen!r}"
        try:
            seen += os.read(terminal, 4096)
        except OSError:  # EIO: the other side has hung up
            assert until is None, f"it ended without asking {until!r}:\n{seen!r}"
            break
    return seen


def attach(lab: Lab, host: str, name: str, *, network: str, image: str) -> None:
    """Run a container of a host's own on a network, again where the engine hears of the network late (moby#41841)."""
    words = ["docker", "run", "--detach", "--name", name, "--network", network, image]

    def run() -> Completed:
        lab.exec(host, ["docker", "rm", "--force", name])
        return lab.exec(host, words, limit=ATTACH_LIMIT)

    done = seen(run, lambda done: not any(word in done.stderr for word in LATE))
    assert done.exit_code == 0, done.last_words()


def answered(done: Completed) -> bool:
    """Return whether a docker command worked, or failed for a reason that asking again does not end."""
    return not done.exit_code or not any(word in done.stderr for word in (*ELECTING, OVERTAKEN))


def docker(lab: Lab, host: str, *argv: str) -> str:
    """Return what the host's own docker command prints: a witness that is not ours.

    Managers that elect a leader answer no one for seconds: they are asked again, and so are those that wrote to the
    same object meanwhile.
    """
    done = seen(lambda: lab.exec(host, ["docker", *argv], limit=ELECTION_LIMIT), answered)
    assert done.exit_code == 0, done.stderr
    return done.stdout.strip()
