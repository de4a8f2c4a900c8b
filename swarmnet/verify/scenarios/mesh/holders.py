"""Programs of a host behind published ports of the routing mesh.

Engines lead packets to a published port into the mesh before any program of the host sees them, also those to
127.0.0.1, and check for no conflict (moby#39089). They listen on the port themselves, unless a program came first: who
listens there and is not the engine gets nothing any more.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from swarmnet.model.report import Status, Verdict
from swarmnet.model.service import PublishMode
from swarmnet.verify import keys
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenario import HostCommand

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.service import Service
    from swarmnet.verify.scenario import Answers, Setup

SOCKETS = keys.command("sockets")
ENGINES = frozenset({"dockerd", "docker-proxy"})
"""Programs of the engine that listen on published ports."""
_LISTENS = re.compile(r'^tcp\s+LISTEN\s+\d+\s+\d+\s+\S+:(\d+)\s+\S+\s+users:\(\("([^"]+)"')


def read_sockets(host: str) -> HostCommand:
    """Return the question for who listens on a host's TCP ports."""
    return HostCommand(host, SOCKETS.name, ("ss", "-Hlntup"), sudo=True)


def hidden_on(answers: Answers, host: str) -> dict[int, str]:
    """Return the ports on which programs other than the engine listen, with the program; what is not known is left."""
    ended = SOCKETS.read(answers, host)
    lines = ended.stdout.splitlines() if ended is not None and ended.succeeded else []
    found = [match for line in lines if (match := _LISTENS.match(line))]
    return {int(one[1]): one[2] for one in found if one[2] not in ENGINES}


def hiding(scenario: str, service: str, port: int, programs: dict[str, str]) -> Verdict:
    """Return the verdict on a published port that hides programs, host by host."""
    hosts = sorted(programs)
    names = ", ".join(sorted(set(programs.values())))
    return Verdict(
        scenario=scenario,
        subject=f"service {service}",
        status=Status.FAILED,
        detail=f"tcp port {port} of {service} hides {names} on {', '.join(hosts)}: what connects to the port there gets"
        f" {service}, because the routing mesh takes it on every node",
        fix=f"publish {service} on another port, or let {names} listen on another one; these find the program:",
        cause=CauseId.PORT_HIDDEN,
        evidence={
            "cause": CauseId.PORT_HIDDEN,
            "hosts": [*hosts],
            "port": port,
            "commands": [f"ss -lntp 'sport = :{port}'"],
        },
    )


def leaking(setup: Setup, scenario: str, services: Iterable[Service]) -> list[Verdict]:
    """Return a warning for each service that is on internal networks alone and published by the mesh.

    Its tasks get a leg on the ingress network and on docker_gwbridge, and with it a default route (moby#34273).
    """
    found = []
    for service in services:
        nets = [setup.state.network(place.network) for place in service.spec.networks or ()]
        inner = [net.spec.name for net in nets if net is not None and net.spec.internal]
        if not inner or len(inner) < len(nets):
            continue
        if not any(port.mode is not PublishMode.HOST for port in service.spec.ports or ()):
            continue
        found.append(
            Verdict(
                scenario=scenario,
                subject=f"service {service.spec.name}",
                status=Status.WARNING,
                detail=f"{service.spec.name} is on internal {', '.join(inner)} and publishes a port: this"
                " gives its tasks a way out, so they reach whatever their hosts reach",
                fix="publish the port from another service that is on a second network (a reverse proxy), or use a"
                " network that is not internal, so that the file says what is the case",
                cause=CauseId.INTERNAL_PUBLISHED,
                evidence={"cause": CauseId.INTERNAL_PUBLISHED, "networks": [*inner]},
            )
        )
    return found
