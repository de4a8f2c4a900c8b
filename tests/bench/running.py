"""The lab clusters that contenders work on, and how long each takes as a process of its own."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build"
BIN = Path(sys.executable).parent
SWARMNET = str(BIN / "swarmnet")
ANSIBLE = BIN / "ansible-playbook"
ENVIRONMENT = {
    # Every contender runs from its bytecode, as after any installation.
    **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    # Ansible needs Python and docker-py on every host: its hosts come from a cache of their own that has them.
    **({"SWARMNET_LAB_CACHE": "/var/cache/swarmnet-bench"} if ANSIBLE.exists() else {}),
    "ANSIBLE_PIPELINING": "1",
    "ANSIBLE_FORKS": "20",
    "ANSIBLE_LOCALHOST_WARNING": "0",
    "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
}
_IMAGE = """\
d=$(mktemp -d); mkdir $d/bin; cp /bin/busybox $d/bin/; chroot $d /bin/busybox --install -s /bin
tar -C $d -c . | docker import - bench:1
"""


def timed(argv: Sequence[str], *, stdin: str = "", exits: int = 0) -> float:
    """Run a contender, insist on its exit code, return its seconds; what it prints goes to ``build/bench.log``."""
    with (BUILD / "bench.log").open("a") as log:
        log.write(f"\n$ {' '.join(argv)}\n")
        log.flush()
        began = time.monotonic()
        done = subprocess.run(
            argv, input=stdin, text=True, stdout=log, stderr=log, env=ENVIRONMENT, check=False, cwd=BUILD
        )
        seconds = time.monotonic() - began
    if done.returncode != exits:
        raise SystemExit(f"{' '.join(argv)} ended with {done.returncode}; see {BUILD / 'bench.log'}")
    print(
        f"  {seconds:>7.2f} s  {Path(argv[0]).name} {' '.join(word for word in argv[1:3])}", file=sys.stderr, flush=True
    )
    return seconds


def median_of_three(argv: Sequence[str], *, stdin: str = "") -> float:
    """Return the middle of three runs."""
    return statistics.median(timed(argv, stdin=stdin) for _ in range(3))


@dataclass
class Cluster:
    """A fresh lab, as its inventory file tells it."""

    name: str
    inventory: Path

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = yaml.safe_load(self.inventory.read_text())
        return document

    @property
    def addresses(self) -> list[str]:
        return [host["address"] for host in self.document["hosts"].values()]

    def each(self, script: str) -> list[str]:
        """Run a shell script on every host, all at once, and return what they printed."""
        return self._on(self.document["hosts"], script)

    def first(self, script: str) -> str:
        """Run a shell script on the first manager and return what it printed."""
        return self._on([next(iter(self.document["hosts"]))], script)[0]

    def _on(self, hosts: Iterable[str], script: str) -> list[str]:
        argv = [[SWARMNET, "lab", "exec", "--name", self.name, host, "--", "sh", "-c", script] for host in hosts]
        running = [subprocess.Popen(one, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) for one in argv]
        printed = [process.communicate(timeout=120)[0] for process in running]
        if any(process.returncode for process in running):
            raise SystemExit(f"{self.name}: {script!r} failed on a host")
        return printed

    def ansible_inventory(self) -> Path:
        """Write the same hosts as Ansible wants them."""
        ssh = self.document["ssh"]
        hosts = self.document["hosts"]
        names = list(hosts)
        options = f"-o UserKnownHostsFile={ssh['known_hosts']} -o ControlMaster=auto -o ControlPersist=60s"
        groups = {
            "first": names[:1],
            "managers": [name for name in names[1:] if hosts[name]["role"] == "manager"],
            "workers": [name for name in names if hosts[name]["role"] == "worker"],
        }
        document = {
            group: {
                "hosts": {
                    name: {
                        "ansible_host": hosts[name]["address"],
                        "ansible_user": ssh["user"],
                        "ansible_ssh_private_key_file": ssh["key"],
                        "ansible_ssh_common_args": options,
                    }
                    for name in members
                }
            }
            for group, members in groups.items()
        }
        path = BUILD / f"{self.name}-ansible.yml"
        path.write_text(yaml.safe_dump(document))
        return path


@contextmanager
def cluster(name: str, hosts: int) -> Iterator[Cluster]:
    """Bring up a lab whose hosts hold the image that the services run; take it down afterwards."""
    inventory = BUILD / f"{name}.yml"
    down = [SWARMNET, "lab", "down", "--name", name]
    try:
        timed([SWARMNET, "lab", "up", "--name", name, "--hosts", str(hosts), "--inventory", str(inventory)])
        here = Cluster(name, inventory)
        here.each(_IMAGE)
        yield here
    finally:
        subprocess.run(down, check=False, env=ENVIRONMENT, capture_output=True)
