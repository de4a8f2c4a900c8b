"""The works of recovery: backups, restores, and archives of a manager's whole state."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.running import BUILD, HERE, SWARMNET, Cluster, cluster, median_of_three, timed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.rows import Row

BALLAST = 300
"""MiB that the engine's folder of the swarm has besides, which cannot be packed smaller."""


def new_store() -> list[str]:
    """Return the options of a new repository and its keys."""
    directory = Path(tempfile.mkdtemp(dir=BUILD))
    keys = ["--keys", str(directory / "keys")]
    timed([SWARMNET, "keys", "init", *keys, "--recovery-file", str(directory / "recovery.txt")])
    return [*keys, "--repository", str(directory / "backups")]


def back_up(row: Row, here: Cluster, store: Sequence[str], usual: Sequence[str]) -> None:
    """Time the backup of swarmnet and the usual one."""
    row.took("swarmnet", median_of_three([SWARMNET, "backup", "create", "-i", str(here.inventory), *store]))
    row.took("usual script", median_of_three(usual))


def restore(row: Row, hosts: int, store: Sequence[str]) -> None:
    """Time the restore of the newest backup on hosts without a swarm."""
    with cluster("bench-restored", hosts) as here:
        words = ["latest", "-i", str(here.inventory), *store, "--other-cluster", "--no-backup", "--no-verify"]
        # 3: nothing was verified, which the raw API does not do either.
        row.took("swarmnet", timed([SWARMNET, "restore", "apply", *words, "--yes"], exits=3))


def archive(taken: Row, brought: Row) -> None:
    """Time the archive of a manager with a large state, and bring it back on the same host."""
    store = new_store()
    with cluster("bench-raft", 1) as here:
        inventory = ["-i", str(here.inventory)]
        timed([SWARMNET, "apply", str(HERE / "playbook.yml"), "--var", 'overlays=["net00"]', *inventory, "--yes"])
        here.first(f"dd if=/dev/urandom of=/var/lib/docker/swarm/ballast bs=1M count={BALLAST} 2>/dev/null")
        taken.took("swarmnet", timed([SWARMNET, "backup", "raft", *inventory, *store, "--allow-outage", "--yes"]))
        here.first("docker swarm leave --force >/dev/null")
        brought.took("swarmnet", timed([SWARMNET, "restore", "raft", "latest", *inventory, *store, "--yes"]))
