"""A cluster at a glance, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import Part
from swarmnet.model.age import in_words
from swarmnet.model.announced_losses import UNLOCK, Health
from swarmnet.model.service_codecs import port_text
from swarmnet.model.standing import believed, failing_of, next_loss, promoted, running_of, strangers
from swarmnet.model.state import SwarmStanding
from swarmnet.report.cluster import (
    data_paths,
    host_names,
    images_of,
    is_outside,
    nodes_by_name,
    ports_of,
    services_by_name,
    short_images,
    update_text,
)
from swarmnet.report.terminal.console import line, table
from swarmnet.report.terminal.plan import failure_lines
from swarmnet.report.terminal.text import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.announced_losses import Standing
    from swarmnet.model.backup_age import BackupAge
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.network import Network
    from swarmnet.model.service import Service
    from swarmnet.model.state import ClusterState
    from swarmnet.report.terminal.console import Line

_HOUR = 3600
PATIENT, LONGER = 30, 3
"""Seconds to wait for a busy host, or this many times as long as the last time, whatever is more."""
SHOWN = 3
"""Reasons that are named; the rest is counted."""
_STYLES = {Health.HEALTHY: "green", Health.DEGRADED: "yellow", Health.LOST: "red", Health.ABSENT: "yellow"}


def status_lines(state: ClusterState, inventory: Inventory) -> Iterator[Line]:
    """Yield one line on the cluster's health, then why it is so and what the next loss means; tables of what is where.

    A reason has a line of its own: several would not fit on a screen.
    """
    found = believed(state, inventory)
    health, reasons = (found.health.value, _STYLES[found.health]), _reasons(found, state)
    why = f": {reasons[0]}" if reasons else ""
    yield line((f"cluster {inventory.cluster}", "bold"), ": ", health, why)
    yield from (f"also: {reason}" for reason in reasons[1:])
    if state.swarm is not None:
        if found.health is not Health.LOST:
            yield _managers(found)
        yield f"{count(len(state.nodes), 'node')}, swarm {state.swarm.id}"
    if found.cure:
        yield f"next: {found.cure}"
    yield from _node_table(state)
    yield from _network_table(state)
    yield from _service_table(state)
    yield from _differences(state, inventory)
    yield from failure_lines(state.failures)
    yield from _patience(state, inventory)


def backup_lines(age: BackupAge) -> Iterator[Line]:
    """Yield how old the newest complete backup is."""
    yield ""
    yield line(("backups", "bold"), ": ", (backup_text(age), "red" if age.overdue else ""))


def backup_text(age: BackupAge) -> str:
    """Return how old the newest complete backup is, whether that is too old, and where it is."""
    limit = "" if age.max_age is None else f"; it may be {age.max_age / _HOUR:g} h old"
    where = f"in {age.place}{', by a schedule' if age.is_scheduled else ''}"
    if age.problem is not None:
        return f"not known: {age.problem}"
    if age.newest is None or age.seconds is None:
        return f"{'OVERDUE: ' if age.overdue else ''}no complete one {where}{limit}"
    old = in_words(age.seconds)
    return f"{'OVERDUE: ' if age.overdue else ''}the newest complete one is {old}, {where}{limit}"


def _reasons(found: Standing, state: ClusterState) -> tuple[str, ...]:
    """Return why the cluster is as it is."""
    if state.swarm is None:
        return found.reasons or ("no host that answers is in one",)
    more = len(found.reasons) - SHOWN
    return (*found.reasons[:SHOWN], *([f"{count(more, 'more reason')}"] if more > 0 else []))


def _patience(state: ClusterState, inventory: Inventory) -> Iterator[Line]:
    """Yield how to wait longer for hosts whose answer may only be late."""
    slow = {one.host: one.waited for one in state.failures if one.waited is not None and one.part is Part.SSH}
    if not slow:
        return
    waited = max(slow.values())
    longer = f"--timeout {max(LONGER * waited, PATIENT):.0f} waits longer than {waited:g} s"
    if waited in [inventory.host(host).ssh.connect_timeout for host in slow]:
        longer = f"raise its ssh.connect_timeout of {waited:g} s in {inventory.source} to wait longer"
    yield line((f"{', '.join(slow)} may only be busy: {longer}", "yellow"))


def _managers(found: Standing) -> str:
    """Return how many managers work, and what the next loss means."""
    managers = f"{found.answering} of {count(found.managers, 'manager')} {'works' if found.answering == 1 else 'work'}"
    return f"{managers}; {next_loss(found)}"


def _differences(state: ClusterState, inventory: Inventory) -> Iterator[Line]:
    """Yield where swarm and inventory differ, and engines that are newer than those that were tested."""
    for facts in state.hosts:
        if facts.engine.is_untried:
            known = f"{facts.host}: engine {facts.engine.version} is known from its documentation"
            yield line((f"{known}; swarmnet's tests run on 20.10, 26.1 and 28.5", "dim"))
    for facts in state.hosts:
        if is_outside(facts.host, state):
            yield _outside(facts.host, state)
    for name in promoted(state, inventory):
        yield line((f"{name} is a manager of the swarm, and a worker in the inventory", "yellow"))
    for name in strangers(state, inventory):
        seen = " that answered" if len(state.hosts) < len(inventory.hosts) else ""
        yield line((f"node {name} is in the swarm, but is not a host of the inventory{seen}", "yellow"))


def _node_table(state: ClusterState) -> Iterator[Line]:
    if not state.nodes:
        return
    names, paths = host_names(state), data_paths(state)
    rows = [
        (
            names.get(node.id, f"({node.name})"),
            str(node.spec.role),
            str(node.spec.availability),
            node.status,
            "leader" if node.is_leader else node.reachability or "",
            node.engine_version,
            node.address,
            *((paths.get(node.id, ""),) if paths else ()),
        )
        for node in nodes_by_name(state)
    ]
    yield ""
    apart = ("DATA PATH",) if paths else ()
    yield table(("NODE", "ROLE", "AVAILABILITY", "STATUS", "MANAGER", "ENGINE", "ADDRESS", *apart), rows)


def _network_table(state: ClusterState) -> Iterator[Line]:
    if not state.networks:
        return
    rows = [
        (
            network.spec.name,
            network.spec.driver,
            ", ".join(one.subnet for one in network.spec.subnets),
            ", ".join(str(vni) for vni in network.vnis),
            ", ".join(_traits(network)),
        )
        for network in sorted(state.networks, key=lambda one: one.spec.name)
    ]
    yield ""
    yield table(("NETWORK", "DRIVER", "SUBNETS", "VNI", "TRAITS"), rows)


def _service_table(state: ClusterState) -> Iterator[Line]:
    if not state.services:
        return
    rows = []
    for service in services_by_name(state):
        running, wanted = running_of(service, state)
        ports = (port_text(one) if one.published else f"?:{port_text(one)}" for one in ports_of(service, state))
        image = service.spec.image.partition("@")[0]
        rows.append((service.spec.name, str(service.spec.mode), f"{running}/{wanted}", image, ", ".join(ports)))
    yield ""
    yield table(("SERVICE", "MODE", "RUNNING", "IMAGE", "PORTS"), rows)
    for service in services_by_name(state):
        yield from _update(service, state)
        for said in failing_of(service, state)[:SHOWN]:
            yield line((f"{service.spec.name}: {said}", "red"))


def _update(service: Service, state: ClusterState) -> Iterator[Line]:
    """Yield how far an update is, and the images of the tasks where not all run that of the service."""
    name, images = service.spec.name, images_of(service, state)
    if said := update_text(service.update_state, service.update_message):
        yield line((f"{name}: {said}", "yellow"))
    if {*images} - {service.spec.image}:
        called = short_images([service.spec.image, *images])
        yield line((f"{name}: tasks run {', '.join(f'{called[one]} ({images[one]})' for one in images)}", "yellow"))


def _traits(network: Network) -> Iterator[str]:
    spec = network.spec
    traits = {
        "ingress": spec.ingress,
        "attachable": spec.attachable,
        "internal": spec.internal,
        "encrypted": spec.encrypted,
        "ipv6": spec.ipv6,
        "NOT ALLOCATED": not network.allocated,
    }
    yield from (name for name, has in traits.items() if has)


def _outside(host: str, state: ClusterState) -> Line:
    facts = state.facts(host)
    membership = SwarmStanding.INACTIVE if facts is None else facts.engine.membership.state
    if membership is SwarmStanding.INACTIVE:
        return line((f"{host} is not in a swarm", "yellow"))
    if membership is SwarmStanding.LOCKED:
        return line((f"{host} is locked since its engine restarted; unlock it: {UNLOCK}", "red"))
    error = "" if facts is None else facts.engine.membership.error
    said = f"{membership.value}{': ' + error if error else ''}"
    where = f"is in a swarm ({said})" if state.swarm is None else f"is not in this swarm: {said}"
    return line((f"{host} {where}", "red"))
