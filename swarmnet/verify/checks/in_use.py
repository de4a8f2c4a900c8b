"""Check: the ports that a swarm and a playbook's services need are free, or named with who has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.verify import keys
from swarmnet.verify.checks.host_check import HostCheck, is_inside, members
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenario import HostCommand
from swarmnet.verify.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.state import OpenPort
    from swarmnet.verify.scenario import Answers, Findings, Question, Setup

SOCKETS = keys.command("ports/sockets")
MANAGER, GOSSIP = 2377, 7946
_ROW = re.compile(r"^(?P<protocol>tcp|udp)\s+\S+\s+\d+\s+\d+\s+\S*:(?P<port>\d+)\s+\S+\s*(?P<users>.*)$")
_USER = re.compile(r'\("(?P<name>[^"]{1,64})",pid=(?P<pid>\d+)')


class PortsInUse(HostCheck):
    """2377, 7946 and the data path's port on hosts that are in no swarm, and published ports on all."""

    name: ClassVar[str] = "ports-in-use"
    summary: ClassVar[str] = "no program has a port that the swarm or a published service needs"

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Ask each host who has which port; only root sees the programs of others."""
        return tuple(HostCommand(host, SOCKETS.name, ("ss", "-Hlntup"), sudo=True) for host in members(setup))

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict for each host and port that is taken."""
        found = [one for host in members(setup) for one in _taken(setup, answers, host)]
        unread = {one.host: "its kernel lists no sockets" for one in setup.state.hosts if one.open_ports is None}
        return self.reported(
            found, f"the ports that a swarm needs are free on {count(len(members(setup)), 'host')}", unread
        )


def wanted(setup: Setup, host: str) -> dict[tuple[str, int], str]:
    """Return the ports that must be free on a host, each with what for."""
    found: dict[tuple[str, int], str] = {}
    if not is_inside(setup, host):
        found |= swarm_ports(
            setup.data_path_port, is_manager=setup.planned is not None and host in setup.planned.managers
        )
    present = {(port.published, port.protocol.value) for one in setup.state.services for port in one.all_ports}
    for one in setup.planned.published if setup.planned else ():
        if (one.port, one.protocol) not in present:
            found[one.protocol, one.port] = f"service {one.service} publishes it"
    return found


def swarm_ports(data_path_port: int, *, is_manager: bool) -> dict[tuple[str, int], str]:
    """Return the ports that the engine itself takes in a swarm, each with what for."""
    found = {
        ("tcp", GOSSIP): "the swarm's gossip needs it",
        ("udp", GOSSIP): "the swarm's gossip needs it",
        ("udp", data_path_port): "VXLAN of overlays needs it",
    }
    return ({("tcp", MANAGER): "managers need it"} if is_manager else {}) | found


def _taken(setup: Setup, answers: Answers, host: str) -> Iterator[Trouble]:
    facts = setup.state.facts(host)
    opened = {(one.protocol.value, one.port): one for one in (facts.open_ports or () if facts else ())}
    users = _users(answers, host)
    for (protocol, port), why in wanted(setup, host).items():
        if (protocol, port) in opened:
            yield taken(host, opened[protocol, port], why, users.get((protocol, port), ()))


def taken(host: str, one: OpenPort, why: str, users: tuple[tuple[str, int], ...] = ()) -> Trouble:
    """Return the trouble of a port in use, with who has it as far as that is known."""
    protocol, port = one.protocol.value, one.port
    who = " and ".join(f"{name} (pid {pid})" for name, pid in users) or f"a process of user {one.uid}"
    commands = tuple(f"ps -o pid,user,unit,args -p {pid}" for _name, pid in users) or (
        f"ss -lnp{protocol[0]} sport = :{port}",
    )
    return Trouble(
        CauseId.PORT_TAKEN,
        (host,),
        f"port {port}/{protocol} of {host} is in use by {who}: {why}",
        "stop it, or give it another port; this shows what it is:",
        commands,
    )


def _users(answers: Answers, host: str) -> dict[tuple[str, int], tuple[tuple[str, int], ...]]:
    """Return who has which port; empty where ``ss`` does not exist, or may not be asked."""
    ended = SOCKETS.read(answers, host)
    found: dict[tuple[str, int], tuple[tuple[str, int], ...]] = {}
    for row in filter(None, map(_ROW.match, ended.stdout.splitlines() if ended and ended.succeeded else ())):
        users = tuple((one["name"], int(one["pid"])) for one in _USER.finditer(row["users"]))
        place = row["protocol"], int(row["port"])
        found[place] = tuple(dict.fromkeys((*found.get(place, ()), *users)))
    return found
