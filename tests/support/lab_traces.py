"""What labs put on this machine, seen without swarmnet's own code, so that tests see whether it is gone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping  # noqa: TC003 - part of the signatures below
from pathlib import Path

from tests.support.waiting import seen

SWARMNET = [sys.executable, "-m", "swarmnet.cli"]
_LAB_ID = re.compile(r"(?:swarmnet-lab-|^snl)([0-9a-f]{8})")


def command(*argv: str, state: Path) -> subprocess.CompletedProcess[str]:
    """Run ``swarmnet lab ...`` as its users do, with a state directory of the test's own."""
    return subprocess.run(
        [*SWARMNET, "lab", *argv], env=settings(state), capture_output=True, text=True, check=False, timeout=300
    )


def settings(state: Path) -> Mapping[str, str]:
    """Return the environment in which labs are kept in ``state``."""
    return {**os.environ, "SWARMNET_LAB_STATE": str(state)}


def lab_ids(state: Path) -> set[str]:
    """Return the ids of the labs that are journaled in ``state``."""
    return {json.loads(path.read_text())["id"] for path in state.glob("*/lab.json")}


def traces(state: Path, ids: set[str]) -> set[str]:
    """Return everything on this machine that belongs to the labs in ``state`` with these ids.

    Looked at: interfaces, control groups, mounts and loop disks seen by any process, processes by their
    groups, mounts and environment, and files.
    """
    return {*_interfaces(ids), *_groups(ids), *_processes(state, ids), *_loops(state), *_files(state)}


def wait_for_none(state: Path, ids: set[str]) -> set[str]:
    """Return the traces that are still there after the limit; the kernel needs a moment to tidy."""
    return seen(lambda: traces(state, ids), lambda left: not left, every=0.05)


def _interfaces(ids: set[str]) -> Iterator[str]:
    names = {path.name for path in Path("/sys/class/net").iterdir()}
    yield from (f"interface {name}" for name in names if _belongs(name, ids))


def _groups(ids: set[str]) -> Iterator[str]:
    for directory in Path("/sys/fs/cgroup").glob("*/"):
        yield from (f"group {path}" for path in (directory, *directory.glob("*/")) if _belongs(path.name, ids))


def _processes(state: Path, ids: set[str]) -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            groups = (process / "cgroup").read_text()
            mounts = (process / "mountinfo").read_text()
            environ = (process / "environ").read_bytes()
        except OSError:
            continue
        if (
            any(f"swarmnet-lab-{lab}" in groups for lab in ids)
            or str(state) in mounts
            or str(state).encode() in environ
        ):
            yield f"process {process.name}"


def _loops(state: Path) -> Iterator[str]:
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        if str(state) in backing.read_text():
            yield f"loop disk {backing.parent.parent.name}"


def _files(state: Path) -> Iterator[str]:
    yield from (f"file {path}" for path in state.rglob("*"))


def _belongs(name: str, ids: set[str]) -> bool:
    found = _LAB_ID.search(name)
    return found is not None and found[1] in ids
