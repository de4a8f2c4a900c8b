"""Variables of a service that lead nowhere or show too much, as far as their values tell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from swarmnet.model.merge import lay
from swarmnet.operations.service.networks import PREDEFINED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.service import ServiceSpec
    from swarmnet.operations.kind import Context

_SECRET = re.compile(r"(?:^|_)(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS?|(?:API|ACCESS|PRIVATE)_?KEY)$")
_PASSWORD_IN_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@", re.IGNORECASE)
_URL = re.compile(r"(?:jdbc:)?(?P<scheme>[a-z][a-z0-9.-]*)(?:\+[a-z0-9.-]+)?://(?P<hosts>[^/?#\s]+)", re.IGNORECASE)
_HOST = re.compile(r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?)(?::[0-9]+)?")
_SPEAKS = re.compile(
    r"amqps?|clickhouse|couchbase|ftps?|grpcs?|https?|influxdb|kafka|ldaps?|mariadb|memcached|mongodb|mqtts?|mysql|nats"
    r"|neo4j|postgres(?:ql)?|rediss?|sentinel|smtps?|sqlserver|tcp|udp|wss?|zk"
)
"""Schemes whose URLs name a host of the network; what follows others is a bucket, a file, or a device."""


def environment_warnings(spec: ServiceSpec, context: Context) -> Iterator[str]:
    """Yield variables that hold a secret in clear, and URLs whose host is called so by no service that is in reach."""
    shown = sorted(name for name, value in (spec.env or {}).items() if _is_secret(name, value))
    if shown:
        yield (
            f"service {spec.name}: anyone who may look at services reads {', '.join(shown)} in clear: use a secret,"
            " which its tasks read from a file"
        )
    yield from _unknown_hosts(spec, context)


def _is_secret(name: str, value: str) -> bool:
    """Return whether a value looks like a secret itself, not like a file, a setting or a template."""
    if _PASSWORD_IN_URL.match(value):
        return True
    plain = value.startswith(("/", "{{")) or value.lower() in ("", "true", "false", "yes", "no") or value.isdecimal()
    return _SECRET.search(name.upper()) is not None and not plain


def _unknown_hosts(spec: ServiceSpec, context: Context) -> Iterator[str]:
    asked = {name: {one.lower() for one in _hosts(value)} for name, value in sorted((spec.env or {}).items())}
    if not any(asked.values()):
        return
    seen = context.state.service(spec.name)
    whole = spec if seen is None else lay(seen.spec, spec)
    networks = {one.network for one in whole.networks or ()}
    if networks & {*PREDEFINED} or (whole.dns is not None and whole.dns.search):
        return
    here = names_on(networks, context) | {spec.name}
    elsewhere = {"localhost", *(whole.hosts or {}), *(name for kind, name in context.later if kind == "service")}
    elsewhere |= {word for node in context.state.nodes for word in (node.hostname, node.hostname.partition(".")[0])}
    elsewhere |= {host.name for host in context.inventory.hosts}
    for name, hosts in asked.items():
        for host in sorted(hosts - {one.lower() for one in here | elsewhere}):
            known = ", ".join(sorted(here - {spec.name})) or "none"
            where = f"its networks ({', '.join(sorted(networks))})" if networks else "its networks: it is on none"
            yield (
                f"service {spec.name}: {name} names host {host!r}, and no service is called so on {where}; those that"
                f" are there: {known}"
            )


def names_on(networks: set[str], context: Context) -> set[str]:
    """Return what the names on these networks are, as far as they are known."""
    found = {name for network, name in context.named if network in networks}
    for other in context.state.services:
        for place in other.spec.networks or ():
            if place.network in networks:
                found |= {other.spec.name, *(place.aliases or ())}
    for facts in context.state.hosts:
        for container in facts.containers:
            for endpoint in container.endpoints:
                if endpoint.network in networks and container.service is None:
                    found |= {container.name, *endpoint.aliases}
    return found


def _hosts(value: str) -> Iterator[str]:
    """Yield the hosts of a URL that only a DNS server of a network can know: single words."""
    url = _URL.match(value)
    if url is None or _SPEAKS.fullmatch(url["scheme"].lower()) is None:
        return
    for one in url["hosts"].rpartition("@")[2].split(","):
        host = _HOST.fullmatch(one)
        if host is not None and not host["name"].isdecimal():
            yield host["name"]
