"""Run every contender over every work, print the table of ratios, write ``build/bench.json``.

Each contender is a process of its own, timed from start to exit on the same machine in the same run; seconds differ
from machine to machine, ratios hardly do. Works that change nothing are run three times: the median counts.

A short run, such as after a change of the bench itself: ``python -m tests.bench --only status --hosts 3 --overlays 5``,
``--only "first apply" --many 4``. Rivals that are not installed are left out then.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import recovery
from tests.bench.rows import Row, header, line
from tests.bench.running import (
    ANSIBLE,
    BUILD,
    ENVIRONMENT,
    HERE,
    ROOT,
    SWARMNET,
    Cluster,
    cluster,
    median_of_three,
    timed,
)
from tests.bench.services import REPLICAS, SCALE, SERVICES, STACK, names, write_stack

if TYPE_CHECKING:
    from collections.abc import Sequence

WORKS = (
    "first apply",
    "unchanged apply",
    "status",
    "connections",
    "matrix: pairs",
    "matrix: all of it",
    "backup",
    "restore",
)
"""The rows of one size."""
OF_MANY = ("first apply", "unchanged apply", "connections", "matrix: pairs", "matrix: all of it")
"""The rows of many hosts; the usual script would need minutes for their pairs."""
OF_RAFT = ("raft archive", "raft restore")
"""The rows of the archive of a manager with a large state."""
OF_SERVICES = ("200 services", "adopt", "stack file")
"""The rows of many services: an empty plan of them, adopt of them, the plan of a stack file of 60 besides."""
Wanted = frozenset[str]
"""The works to measure; others run only where one of these needs what they leave."""
SIZES = ((3, 5), (20, 50))
"""Hosts and overlays where all contenders run."""
MANY = (60, 20)
"""Hosts and overlays where only swarmnet and the raw API run: the cost of each added host."""
MEMORY = {3: 1, 20: 3, 60: 8}
"""GiB that have to be free for so many hosts; 60 with engines that run tasks take 5."""
LEAST_CORES = 2


def prepare_roots() -> None:
    """Build the lab's root once more, with the Python that Ansible needs on its hosts."""
    subprocess.run([SWARMNET, "lab", "setup", "--yes", "--engine", "26.1"], check=True, env=ENVIRONMENT)
    if not ANSIBLE.exists():
        return
    (root,) = Path(ENVIRONMENT["SWARMNET_LAB_CACHE"]).glob("engine-26.1-*/root")
    if not (root / "usr/lib/python3/dist-packages/docker").exists():
        install = "apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-docker"
        subprocess.run(["/usr/sbin/chroot", str(root), "sh", "-c", install], check=True, capture_output=True)


def too_small(hosts: int, *, cores: int, free: float) -> str | None:
    """Return why this machine cannot measure so many hosts, None when it can.

    Args:
        hosts: how many.
        cores: processors of this machine.
        free: GiB of memory that are free.
    """
    needed = next((gib for size, gib in sorted(MEMORY.items()) if size >= hosts), max(MEMORY.values()))
    if cores < LEAST_CORES:
        return f"{cores} core; {hosts} hosts need {LEAST_CORES}"
    if free < needed:
        return f"{free:.1f} GiB of memory are free; {hosts} hosts need {needed}"
    return None


def free_memory() -> float:
    """Return the GiB of memory that programs can have (``MemAvailable``)."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    (kib,) = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return int(kib) / 1024**2


def measure_many(fewer: Sequence[Row], hosts: int, overlays: int, wanted: Wanted) -> list[Row]:
    """Return the works of many hosts, and what each host more than in ``fewer`` costs."""
    first, again, connect, pairs, whole = every = [Row(work, hosts, overlays) for work in OF_MANY]
    names = json.dumps([f"net{n:02}" for n in range(overlays)])
    raw = [sys.executable, "-m", "tests.bench.raw"]
    with cluster("bench-many", hosts) as here:
        words = [str(HERE / "playbook.yml"), "--var", f"overlays={names}", "-i", str(here.inventory), "--yes"]
        first.took("swarmnet", timed([SWARMNET, "apply", *words]))
        if again.work in wanted:
            again.took("swarmnet", median_of_three([SWARMNET, "apply", *words]))
            again.took("raw API", median_of_three([*raw, "observe", str(here.inventory), str(overlays)]))
        if connect.work in wanted:
            _connections(connect, here)
        if {pairs.work, whole.work} & wanted:
            _own_matrix(pairs, whole, here)
    rows = [row for row in every if row.work in wanted]
    for row in rows:
        before = max((one for one in fewer if one.work == row.work), key=lambda one: one.hosts, default=None)
        if before is not None:
            more = row.seconds["swarmnet"] - before.seconds["swarmnet"]
            row.per_host = round(more / (row.hosts - before.hosts), 3)
    return rows


def _connections(row: Row, here: Cluster) -> None:
    """Time the SSH connections alone: those of swarmnet, with host keys checked, and bare ones."""
    probe = [sys.executable, "-m", "tests.bench.raw", "connect", str(here.inventory), "0"]
    row.took("swarmnet", median_of_three([sys.executable, "-m", "tests.bench.connect", str(here.inventory)]))
    row.took("raw API", median_of_three(probe))


def measure(hosts: int, overlays: int, wanted: Wanted) -> list[Row]:
    """Return the works at one size."""
    first, again, status, connect, pairs, whole, backup, restore = rows = [Row(one, hosts, overlays) for one in WORKS]
    names = json.dumps([f"net{n:02}" for n in range(overlays)])
    play = [str(HERE / "playbook.yml"), "--var", f"overlays={names}"]
    store = recovery.new_store() if {backup.work, restore.work} & wanted else []
    with cluster("bench-own", hosts) as here:
        inventory = ["-i", str(here.inventory)]
        first.took("swarmnet", timed([SWARMNET, "apply", *play, *inventory, "--yes"]))
        raw = [sys.executable, "-m", "tests.bench.raw"]
        if {again.work, status.work} & wanted:
            again.took("swarmnet", median_of_three([SWARMNET, "apply", *play, *inventory, "--yes"]))
            again.took("raw API", median_of_three([*raw, "observe", str(here.inventory), str(overlays)]))
            status.took("swarmnet", median_of_three([SWARMNET, "status", *inventory]))
            status.seconds["raw API"] = again.seconds["raw API"]
        if connect.work in wanted:
            _connections(connect, here)
        if {pairs.work, whole.work} & wanted:
            _matrix(pairs, whole, here)
        if backup.work in wanted:
            recovery.back_up(backup, here, store, _usual("usual_backup.sh", here, str(Path(store[-1]) / "usual")))
        elif restore.work in wanted:
            timed([SWARMNET, "backup", "create", *inventory, *store])
    if restore.work in wanted:
        recovery.restore(restore, hosts, store)
    _rivals_from_nothing(Rivals(first, again, restore), overlays, wanted)
    return [row for row in rows if row.work in wanted]


@dataclass(frozen=True)
class Rivals:
    """The works of one size that rivals do on hosts of their own."""

    first: Row
    again: Row
    restore: Row


def _rivals_from_nothing(rows: Rivals, overlays: int, wanted: Wanted) -> None:
    """Let the raw API and Ansible make the cluster; the bound of a restore is that of a first apply."""
    if {rows.first.work, rows.restore.work} & wanted:
        with cluster("bench-raw", rows.first.hosts) as here:
            argv = [sys.executable, "-m", "tests.bench.raw", "apply", str(here.inventory), str(overlays)]
            bound = timed(argv)
            rows.first.took("raw API", bound)
            rows.restore.took("raw API", bound)
    if ANSIBLE.exists() and {rows.first.work, rows.again.work} & wanted:
        with cluster("bench-ansible", rows.first.hosts) as here:
            argv = [str(ANSIBLE), "-i", str(here.ansible_inventory()), str(HERE / "ansible.yml")]
            argv += ["-e", f"overlays={overlays}"]
            rows.first.took("ansible", timed(argv))
            rows.again.took("ansible", timed(argv))


def measure_raft(wanted: Wanted) -> list[Row]:
    """Return the works with the whole state of one manager."""
    rows = [Row(work, 1, 1) for work in OF_RAFT]
    recovery.archive(*rows)
    return [row for row in rows if row.work in wanted]


def measure_services(hosts: int, wanted: Wanted) -> list[Row]:
    """Return the works with many services that are there already."""
    again, adopted, stack = rows = [Row(work, hosts, 1) for work in OF_SERVICES]
    raw = [sys.executable, "-m", "tests.bench.raw"]
    with cluster("bench-services", hosts) as here:
        inventory = ["-i", str(here.inventory)]
        play = [str(HERE / "services.yml"), "--var", f"names={names(SERVICES)}", *inventory]
        timed([SWARMNET, "apply", *play, "--yes"])
        here.first(SCALE)
        play += ["--var", f"replicas={REPLICAS}"]
        observed = median_of_three([*raw, "observe", str(here.inventory), "1"])
        if again.work in wanted:
            again.took("swarmnet", median_of_three([SWARMNET, "plan", *play, "--check"]))
        if adopted.work in wanted:
            adopt = [SWARMNET, "adopt", *inventory, "-o", str(BUILD / "bench-adopted.yml"), "--overwrite"]
            adopted.took("swarmnet", median_of_three(adopt))
        if stack.work in wanted:
            plan = [SWARMNET, "plan", str(write_stack(BUILD, STACK)), *inventory]
            stack.took("swarmnet", median_of_three(plan))
        for row in rows:
            row.took("raw API", observed)
    return [row for row in rows if row.work in wanted]


def _usual(script: str, here: Cluster, *words: str) -> list[str]:
    ssh = here.document["ssh"]
    return [str(HERE / script), ssh["key"], ssh["known_hosts"], *words, *here.addresses]


def _own_matrix(pairs: Row, whole: Row, here: Cluster) -> None:
    """Time swarmnet's pairs alone (probes are up on both sides), and all of it, from nothing to nothing."""
    verify = [SWARMNET, "verify", "-i", str(here.inventory), "--network", "net00", "--only", "icmp"]
    timed(verify)  # the image reaches the hosts: the usual way has its own there before it starts, too
    whole.took("swarmnet", timed(verify))
    done = subprocess.run([*verify, "--json"], env=ENVIRONMENT, capture_output=True, text=True, check=False, cwd=BUILD)
    if done.returncode:
        raise SystemExit(f"{' '.join(verify)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    phases = json.loads(done.stdout)["phases"]
    pairs.seconds["swarmnet"] = sum(phase["seconds"] for phase in phases if phase["name"].startswith("round"))


def _matrix(pairs: Row, whole: Row, here: Cluster) -> None:
    """Time both matrices, swarmnet's and that of the usual script."""
    _own_matrix(pairs, whole, here)
    began = time.monotonic()
    here.each("docker run -d --name pinger --network net00 bench:1 sleep 100000 >/dev/null")
    inspect = "docker inspect -f '{{(index .NetworkSettings.Networks \"net00\").IPAddress}}' pinger"
    targets = "\n".join(address.strip() for address in here.each(inspect))
    starting = time.monotonic() - began
    pairs.took("usual script", timed(_usual("usual_ping.sh", here, "pinger"), stdin=targets))
    whole.seconds["usual script"] = starting + pairs.seconds["usual script"]


def asked(words: Sequence[str]) -> tuple[tuple[tuple[int, int], ...], tuple[int, int] | None, Wanted]:
    """Return the sizes, the size of the many hosts, and the works that a command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="swarmnet and its rivals, as ratios")
    every = (*WORKS, *OF_RAFT, *OF_SERVICES)
    parser.add_argument("--only", action="append", choices=every, metavar="WORK", help=f"one of {', '.join(every)}")
    parser.add_argument("--hosts", type=int, help="one size of this many hosts instead of all sizes")
    parser.add_argument("--overlays", type=int, default=5, help="overlays of that size; default 5")
    parser.add_argument("--many", type=int, help="only the rows of many hosts, with this many")
    given = parser.parse_args(words)
    wanted = frozenset(given.only or every)
    if given.many is not None:
        return (), (given.many, given.overlays), wanted
    if given.hosts is not None:
        return ((given.hosts, given.overlays),), None, wanted
    return SIZES, MANY, wanted


def main() -> None:
    """Measure, show, write: each size as soon as it is measured, so that a run cut short is not lost."""
    sizes, many, wanted = asked(sys.argv[1:])
    whole = (sizes, many, wanted) == asked(())
    if whole and not ANSIBLE.exists():
        raise SystemExit("ansible is not installed here: run `make bench`, which installs it")
    BUILD.mkdir(exist_ok=True)
    compileall.compile_dir(ROOT / "swarmnet", quiet=1)
    (BUILD / "bench.log").write_text("")
    os.environ["PYTHONPATH"] = ENVIRONMENT["PYTHONPATH"] = str(ROOT)
    prepare_roots()
    rows: list[Row] = []
    for hosts, overlays in (*sizes, *([many] if many else [])):
        if not wanted & {*WORKS} or _is_too_small(hosts):
            continue
        if (hosts, overlays) == many:
            here = measure_many(rows, hosts, overlays, wanted)
        else:
            here = measure(hosts, overlays, wanted)
        rows += here
        _write(rows, here, whole=whole)
    if wanted & {*OF_RAFT} and not _is_too_small(1):
        here = measure_raft(wanted)
        rows += here
        _write(rows, here, whole=whole)
    crowded = max((hosts for hosts, _overlays in sizes), default=0)
    if crowded and wanted & {*OF_SERVICES} and not _is_too_small(crowded):
        here = measure_services(crowded, wanted)
        _write([*rows, *here], here, whole=whole)


def _is_too_small(hosts: int) -> bool:
    if reason := too_small(hosts, cores=os.cpu_count() or 1, free=free_memory()):
        print(f"\n{hosts} hosts are not measured: this machine is too small, {reason}", flush=True)
    return reason is not None


def _write(rows: Sequence[Row], new: Sequence[Row], *, whole: bool) -> None:
    print("\n".join([header(), *map(line, new)]), flush=True)
    document = {"schema": 1, "rows": [{**asdict(row), "ratios": row.ratios} for row in rows]}
    name = "bench.json" if whole else "bench-part.json"
    (BUILD / name).write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
