"""The product in one go: ``make demo``.

A lab of three hosts, a Swarm on it, proof, a backup, a disaster, three other hosts, a restore, proof again. Every
step is a command that a user would type; it is shown, run, timed, and its exit code is checked.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

SWARMNET = str(Path(sys.executable).with_name("swarmnet"))
PLAYBOOK = str(Path(__file__).parent.parent / "playbooks" / "site.yml")
LAB = f"demo{os.getpid()}"
PROVED = (0, 3)
"""3: nothing failed, but this machine's kernel cannot do all of it (IPVS, ESP); the report says which part and why."""
NOTHING_REACHABLE = 75


@dataclass
class Demo:
    """The steps that ran, with their seconds and how they ended."""

    directory: Path
    steps: list[tuple[str, float, str]] = field(default_factory=list)

    def step(self, title: str, *argv: str, accept: tuple[int, ...] = (0,)) -> int:
        """Show a command, run it, note its time; stop the demo when it ends in a way that is not accepted."""
        print(f"\n\033[1m== {title}\033[0m\n$ swarmnet {shlex.join(argv)}", flush=True)
        began = time.monotonic()
        code = subprocess.run([SWARMNET, *argv], check=False, cwd=self.directory).returncode
        self.steps.append(
            (
                title,
                time.monotonic() - began,
                {0: "done", 3: "inconclusive in part", NOTHING_REACHABLE: "as it must be"}.get(code, f"exit {code}"),
            )
        )
        if code not in accept:
            raise SystemExit(f"the demo ends here: exit code {code}")
        return code

    def table(self) -> None:
        """Print what each step took."""
        print("\nstep" + " " * 44 + "seconds  result")
        for title, seconds, result in self.steps:
            print(f"{title:<46} {seconds:8.1f}  {result}")


def main() -> None:
    """Play the story; the labs are taken down whatever happens."""
    with tempfile.TemporaryDirectory(prefix="swarmnet-demo-") as name:
        demo = Demo(Path(name))
        try:
            _play(demo)
        finally:
            for lab in (LAB, f"{LAB}b"):
                subprocess.run([SWARMNET, "lab", "down", "--name", lab], check=False, cwd=name)
        demo.table()


def _play(demo: Demo) -> None:
    new = f"{LAB}b"
    repository = ("--keys", "keys", "--repository", "backups")
    demo.step("three hosts", "lab", "up", "--name", LAB, "--hosts", "3", "--inventory", "first.yml")
    demo.step("an image for the services", "lab", "image", "demo:1", "--name", LAB)
    demo.step("bootstrap", "apply", PLAYBOOK, "-i", "first.yml", "--yes")
    demo.step("nothing left to do", "plan", PLAYBOOK, "-i", "first.yml", "--check")
    demo.step("proof", "verify", PLAYBOOK, "-i", "first.yml", accept=PROVED)
    demo.step("keys", "keys", "init", "--keys", "keys", "--recovery-file", "recovery.txt")
    demo.step("backup", "backup", "create", "-i", "first.yml", *repository)
    for host in ("m1", "m2", "m3"):
        demo.step(f"disaster: {host}", "lab", "break", host, "kill", "--name", LAB)
    demo.step("nothing answers", "status", "-i", "first.yml", accept=(NOTHING_REACHABLE,))
    demo.step("three other hosts", "lab", "up", "--name", new, "--hosts", "3", "--inventory", "second.yml")
    demo.step("the image again", "lab", "image", "demo:1", "--name", new)
    demo.step("what a restore would do", "restore", "plan", "latest", "-i", "second.yml", *repository)
    demo.step(
        "restore, with proof", "restore", "apply", "latest", "-i", "second.yml", *repository, "--yes", accept=PROVED
    )
    demo.step("the cluster again", "status", "-i", "second.yml")


if __name__ == "__main__":
    main()
