"""Plain sockets from the machine that swarmnet runs on: how clients outside of the cluster see it.

It asks what probes ask on the hosts, by the same code, so that both sides mean the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from swarmnet.model.ports import Approach

if TYPE_CHECKING:
    from swarmnet.edge.ssh.target import Target
    from swarmnet.model.base import JsonObject


def approach_of(target: Target, peer: str | None = None) -> Approach:
    """Return where SSH goes for a host, where its connection ends, and whether anything is between."""
    between = None
    if target.via is not None:
        between = f"SSH reaches it through {target.via.label}"
    elif target.command is not None:
        between = "SSH reaches it through a ProxyCommand"
    return Approach(target.hostname, target.port, between, peer, target.via is not None)


def ask_from_here(job: JsonObject) -> JsonObject:
    """Do a job of the probe's; opens connections to the job's targets and to nothing else."""
    from swarmnet.probe.main import run  # noqa: PLC0415 - few commands knock

    return cast("JsonObject", run(job))
