"""What the hosts' own docker says of a cluster: a witness that is not ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from swarmnet.model.lock import LOCK_NAME
from tests.support.commands import ELECTION_LIMIT, docker
from tests.support.waiting import soon

if TYPE_CHECKING:
    from swarmnet.lab import Lab


def lines(lab: Lab, host: str, *argv: str) -> list[str]:
    """Return the lines that docker prints, sorted; none when it fails, as it may while a leader is elected."""
    done = lab.exec(host, ["docker", *argv], limit=ELECTION_LIMIT)
    return sorted(done.stdout.splitlines()) if done.exit_code == 0 else []


def nodes(lab: Lab, host: str) -> list[str]:
    """Return ``name status`` of every entry in the list of nodes."""
    return lines(lab, host, "node", "ls", "--format", "{{.Hostname}} {{.Status}}")


def labels(lab: Lab, host: str) -> dict[str, dict[str, str]]:
    """Return the labels of every node by its host name."""
    ids = docker(lab, host, "node", "ls", "-q").split()
    seen: list[Any] = json.loads(docker(lab, host, "node", "inspect", *ids))
    return {node["Description"]["Hostname"]: node["Spec"]["Labels"] for node in seen}


def overlays(lab: Lab, host: str) -> list[str]:
    """Return the names of all overlays but ingress; duplicates are listed twice."""
    listed = lines(lab, host, "network", "ls", "--filter", "driver=overlay", "--format", "{{.Name}}")
    return [name for name in listed if name != "ingress"]


def half_made(lab: Lab, host: str) -> list[str]:
    """Return the overlays that were accepted and never allocated: without a subnet or without a VNI."""
    ids = docker(lab, host, "network", "ls", "-q", "--filter", "driver=overlay").split()
    seen: list[Any] = json.loads(docker(lab, host, "network", "inspect", *ids))
    vni = "com.docker.network.driver.overlay.vxlanid_list"
    return [net["Name"] for net in seen if not net["IPAM"]["Config"] or not (net["Options"] or {}).get(vni)]


def running(lab: Lab, host: str, service: str) -> list[str]:
    """Return the nodes on which a service's tasks run."""
    progress = lines(lab, host, "service", "ps", service, "--format", "{{.Node}} {{.CurrentState}} {{.DesiredState}}")
    return [line.split()[0] for line in progress if line.split()[1] == "Running" and line.endswith(" Running")]


def sessions(lab: Lab) -> str:
    """Return what each host's engine wrote of leaders and of sessions with them, and what it says of the nodes now."""
    words = "election|leader|term|session|dispatcher|heartbeat|unknown|manager"
    look = f"date; docker node ls; grep -iE '{words}' /var/log/docker.log | tail -n 60"
    return "\n".join(f"{one.name}:\n{lab.exec(one.name, ['sh', '-c', look]).stdout}" for one in lab.hosts)


def assert_whole(
    lab: Lab, host: str, *, networks: list[str], label: tuple[str, str] | None = None, progress: str = ""
) -> None:
    """Assert that the cluster has each host once and ready, its networks once and allocated, labels, and no lock.

    ``progress`` is shown on failure.
    """
    hosts = [one.name for one in lab.hosts if one.role != "none"]
    ready = sorted(f"{name} Ready" for name in hosts)
    assert soon(lambda: nodes(lab, host) == ready), f"{nodes(lab, host)}\n{sessions(lab)}\n{progress}"
    assert soon(lambda: overlays(lab, host) == sorted(networks)), (overlays(lab, host), progress)
    assert soon(lambda: half_made(lab, host) == []), (half_made(lab, host), progress)
    if label is not None:
        assert [seen.get(label[0]) for seen in labels(lab, host).values()] == [label[1]] * len(hosts), progress
    assert LOCK_NAME not in docker(lab, host, "config", "ls", "--format", "{{.Name}}").split(), progress
    look = ["sh", "-c", "ls /run/swarmnet 2>/dev/null; true"]
    held = [name for name in hosts if LOCK_NAME in lab.exec(name, look).stdout]
    assert held == [], progress
