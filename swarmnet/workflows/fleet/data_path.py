"""The address between which a host's engine sends VXLAN: no engine says it, but each keeps it in a file."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import TYPE_CHECKING

from swarmnet.errors import HostError
from swarmnet.model.border import border
from swarmnet.model.events import Progress, ignore

if TYPE_CHECKING:
    from swarmnet.model.events import Listener
    from swarmnet.model.ports import Ports


def kept_data_path(ports: Ports, host: str, data_root: str, listener: Listener = ignore) -> str | None:
    """Return the address for VXLAN that an engine keeps for its swarm (``DataPathAddr``), empty where it has none.

    Only root may read it: None where it cannot be read, and ``listener`` hears why.
    """
    try:
        kept = ports.shell(host).run(("cat", f"{data_root}/swarm/docker-state.json"), sudo=True)
        with border(host, "read how it is in the swarm"):
            found = json.loads(kept.stdout or b"null")
            text = found.get("DataPathAddr") if isinstance(found, dict) else None
            return text if text == "" else str(ip_address(text)) if isinstance(text, str) else None
    except HostError as error:
        listener(Progress(f"{host}: its address for VXLAN is taken from the inventory: {error.message}"))
        return None
