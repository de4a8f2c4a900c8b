"""The folder of a manager's state on simulated hosts: read and replaced by the scripts of ``engine_pause``."""

from __future__ import annotations

import gzip
from copy import deepcopy
from typing import TYPE_CHECKING

from swarmnet.model.hosts import Role
from swarmnet.model.state import SwarmStanding
from swarmnet.operations.swarm import engine_pause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.simulator.machine import Machine
    from tests.simulator.world import World


def run_script(world: World, machine: Machine, argv: Sequence[str], stdin: bytes) -> tuple[int, bytes, bytes] | None:
    """Do what one of the scripts does; None for any other script."""
    match argv[0]:
        case engine_pause.READ:
            return _read(world, machine)
        case engine_pause.PUT:
            machine.unpacked = stdin
            return (0 if stdin in world.folders else engine_pause.NOT_WHOLE), b"", b""
        case engine_pause.SWAP:
            return _swap(world, machine, keep=bool(argv[-1]))
        case engine_pause.DROP:
            machine.unpacked = b""
            return 0, b"", b""
        case _:
            return None


def _read(world: World, machine: Machine) -> tuple[int, bytes, bytes]:
    if not machine.engine_running or machine.store is None:
        return engine_pause.NO_ENGINE, b"", b""
    folder = gzip.compress(f"state of {machine.node_id}, version {machine.store.version}".encode(), mtime=0)
    world.folders[folder] = deepcopy(machine.store), machine.node_id
    world.stop_engine(machine.name)
    world.start_engine(machine.name)
    machine.restarted = False  # it has met its leader again when the run looks
    return 0, folder, b""


def _swap(world: World, machine: Machine, *, keep: bool) -> tuple[int, bytes, bytes]:
    if machine.store is not None:
        return engine_pause.HOLDS_A_SWARM, b"", b""
    machine.placed, machine.unpacked = machine.unpacked, b""
    if keep:
        take_up(world, machine)
    world.start_engine(machine.name)
    return 0, b"", b""


def take_up(world: World, machine: Machine) -> None:
    """Let an engine that is asked to begin its swarm again find the folder that was put in its place."""
    folder = world.folders.get(machine.placed)
    if folder is None or machine.store is not None:
        return
    machine.placed = b""
    machine.store, machine.node_id, machine.membership = deepcopy(folder[0]), folder[1], SwarmStanding.ACTIVE
    for member in machine.store.nodes.values():  # its workers find it again: it has their manager's address
        worker = world.machines[member.host]
        if member.spec.role is Role.WORKER and worker.node_id == member.id:
            worker.store = machine.store
