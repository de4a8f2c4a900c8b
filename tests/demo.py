"""The product in one go: ``make demo``.

A lab of three hosts, a Swarm on it, proof, a backup, a disaster, three other hosts, a restore, proof again. Every
step is a command that a user would type; it is shown, run, timed, and its exit code is checked.

Where this machine's kernel lacks IPVS or ESP, the hosts get kernels of their own, so that the routing mesh and
encryption are proved, too: then nothing may be inconclusive. Where it can have no such hosts either (no User-Mode
Linux, too little memory), the report says what stays unproved.
"""

from __future__ import annotations

import json
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
INCONCLUSIVE = 3
"""Nothing failed, and something is not proved: the hosts' kernel cannot do it (IPVS, ESP)."""
PROVED, NOT_ALL = (0,), (0, INCONCLUSIVE)
STEP_LIMIT = 300.0
"""Seconds that a step may take: minutes more than the longest does on two busy cores."""
NOTHING_REACHABLE = 75
RESULTS = {0: "done", INCONCLUSIVE: "not all proved", NOTHING_REACHABLE: "as it must be"}


@dataclass
class Demo:
    """The steps that ran, with their seconds and how they ended."""

    directory: Path
    steps: list[tuple[str, float, str]] = field(default_factory=list)

    def step(self, title: str, *argv: str, accept: tuple[int, ...] = (0,)) -> int:
        """Show a command, run it, note its time; stop the demo when it ends in a way that is not accepted."""
        print(f"\n\033[1m== {title}\033[0m\n$ swarmnet {shlex.join(argv)}", flush=True)
        began = time.monotonic()
        try:
            code = subprocess.run([SWARMNET, *argv], check=False, cwd=self.directory, timeout=STEP_LIMIT).returncode
        except subprocess.TimeoutExpired:
            raise SystemExit(f"the demo ends here: {title} took longer than {STEP_LIMIT:.0f} s") from None
        taken = time.monotonic() - began
        self.steps.append((title, taken, RESULTS.get(code, f"exit {code}")))
        print(f"-- {title}: {taken:.1f} s", flush=True)
        if code not in accept:
            raise SystemExit(f"the demo ends here: exit code {code}")
        return code

    def table(self) -> None:
        """Print what each step took."""
        print("\nstep" + " " * 44 + "seconds  result")
        for title, seconds, result in self.steps:
            print(f"{title:<46} {seconds:8.1f}  {result}")
        print(f"{'all of it':<46} {sum(seconds for _title, seconds, _result in self.steps):8.1f}")

    def hosts(self, title: str, lab: str, inventory: str) -> bool:
        """Bring three hosts up and return whether their kernel can prove all of it."""
        up = ("lab", "up", "--name", lab, "--hosts", "3", "--inventory", inventory)
        if self.step(title, *up, "--kernel", "auto", accept=(0, 1)) != 0:
            self.step(f"{title}, sharing this kernel", *up, "--kernel", "shared")
        asked = [SWARMNET, "lab", "status", "--name", lab, "--json"]
        (status,) = json.loads(subprocess.check_output(asked, timeout=STEP_LIMIT))["labs"]
        works = {one["name"] for one in status["own_kernel"] or status["kernel"] if one["works"]}
        return works >= {"ipvs", "esp"}


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
    able = demo.hosts("three hosts", LAB, "first.yml")
    demo.step("an image for the services", "lab", "image", "demo:1", "--name", LAB)
    demo.step("bootstrap", "apply", PLAYBOOK, "-i", "first.yml", "--yes")
    demo.step("nothing left to do", "plan", PLAYBOOK, "-i", "first.yml", "--check")
    demo.step("proof", "verify", PLAYBOOK, "-i", "first.yml", accept=PROVED if able else NOT_ALL)
    demo.step("keys", "keys", "init", "--keys", "keys", "--recovery-file", "recovery.txt")
    demo.step("backup", "backup", "create", "-i", "first.yml", *repository)
    for host in ("m1", "m2", "m3"):
        demo.step(f"disaster: {host}", "lab", "break", host, "kill", "--name", LAB)
    demo.step("nothing answers", "status", "-i", "first.yml", accept=(NOTHING_REACHABLE,))
    able = demo.hosts("three other hosts", new, "second.yml")
    demo.step("the image again", "lab", "image", "demo:1", "--name", new)
    another = ("latest", "-i", "second.yml", *repository, "--other-cluster")
    demo.step("what a restore would do", "restore", "plan", *another)
    restore = ("restore", "apply", *another, "--yes")
    demo.step("restore, with proof", *restore, accept=PROVED if able else NOT_ALL)
    demo.step("the cluster again", "status", "-i", "second.yml")


if __name__ == "__main__":
    main()
