"""The lab clusters that contenders work on, and how long each takes as a process of its own."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

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


class Spent(NamedTuple):
    """What one run of a contender took."""

    seconds: float
    peak_mib: float
    """The most memory that its process had; Linux counts that of the process that began it, the bench's, too, which has
    less."""


def timed(argv: Sequence[str], *, stdin: str = "", exits: int = 0) -> Spent:
    """Run a contender, insist on its exit code, return what it took; what it prints goes to ``build/bench.log``."""
    with (BUILD / "bench.log").open("a") as log, tempfile.TemporaryFile("w+") as words:
        log.write(f"\n$ {' '.join(argv)}\n")
        log.flush()
        words.write(stdin)
        words.seek(0)
        began = time.monotonic()
        process = subprocess.Popen(argv, stdin=words, stdout=log, stderr=log, env=ENVIRONMENT, cwd=BUILD)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != exits:
        raise SystemExit(f"{' '.join(argv)} ended with {process.returncode}; see {BUILD / 'bench.log'}")
    peak = usage.ru_maxrss / 1024
    what = f"{Path(argv[0]).name} {' '.join(word for word in argv[1:3])}"
    print(f"  {seconds:>7.2f} s {peak:>5.0f} MiB  {what}", file=sys.stderr, flush=True)
    return Spent(seconds, peak)


def median_of_three(argv: Sequence[str], *, stdin: str = "") -> Spent:
    """Return the middle of three runs' seconds, and the most memory of any."""
    runs = [timed(argv, stdin=stdin) for _ in range(3)]
    return Spent(statistics.median(run.seconds for run in runs), max(run.peak_mib for run in runs))


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
