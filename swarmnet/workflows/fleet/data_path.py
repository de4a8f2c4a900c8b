"""The address between which a host's engine sends VXLAN.

Engines on an overlay tell it to each other, and each keeps it in a file that root may read. What neither says is taken
from the inventory.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from swarmnet.errors import HostError
from swarmnet.model.border import border
from swarmnet.model.events import Progress, ignore
from swarmnet.operations.addresses import data_path_of

if TYPE_CHECKING:
    from swarmnet.model.events import Listener
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import EngineFacts, HostFacts


@dataclass(frozen=True, slots=True)
class DataPath:
    """Where a host's VXLAN comes from and goes to."""

    address: str
    unknown: str = ""
    """Why the address is only that of its node; empty where it is known."""


def data_path_at(ports: Ports, facts: HostFacts) -> DataPath:
    """Return the address of a host's data path: what its engine says, then its file, then the inventory.

    Raises:
        HostError: the host does not answer; the interface that the inventory names has no address, or several.
    """
    host, known = facts.host, facts.engine.membership.address
    if reported := _reported(ports, host):
        return DataPath(reported)
    kept, why = _kept(ports, host, facts.engine.data_root)
    if kept is not None:
        return DataPath(kept or known)
    try:
        written = data_path_of(ports.inventory.host(host), facts)
    except ValueError as error:
        raise HostError(host, str(error)) from error
    return DataPath(written) if written else DataPath(known, f"no container of it is on an overlay, and {why}")


def kept_data_path(ports: Ports, host: str, engine: EngineFacts, listener: Listener = ignore) -> str | None:
    """Return the address for VXLAN that an engine has of its own in its swarm, empty where it has none.

    Without a majority of managers, the file says it (``DataPathAddr``), which root alone may read; else the engine's
    containers on overlays. None where neither is known, and ``listener`` hears why.
    """
    kept, why = _kept(ports, host, engine.data_root)
    if kept is not None:
        return kept
    with suppress(HostError):  # without a majority, or while it starts
        if reported := _reported(ports, host):
            return "" if reported == engine.membership.address else reported
    listener(Progress(f"{host}: its address for VXLAN is taken from the inventory: {why}"))
    return None


def _reported(ports: Ports, host: str) -> str | None:
    """Return what the engine knows from the overlays that its containers are on."""
    engine = ports.engine(host)
    return engine.data_path(engine.networks.list())


def _kept(ports: Ports, host: str, data_root: str) -> tuple[str | None, str]:
    """Return the address in the engine's file, empty where it has none; None where it cannot be read, and why."""
    try:
        kept = ports.shell(host).run(("cat", f"{data_root}/swarm/docker-state.json"), sudo=True)
        with border(host, "read how it is in the swarm"):
            found = json.loads(kept.stdout or b"null")
            text = found.get("DataPathAddr") if isinstance(found, dict) else None
            if isinstance(text, str):
                return (str(ip_address(text)) if text else ""), ""
    except HostError as error:
        return None, error.message
    return None, "its file of the swarm cannot be read"
