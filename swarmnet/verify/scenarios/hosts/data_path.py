"""Scenario: nothing else on a host takes what the data path needs: its port, the networks' VNIs, the kernel's tables.

Flannel, Calico and OVS send VXLAN, too: where one has the port or the VNI of a network, the engine cannot make the
network's device ("file exists", "address already in use"). A kernel whose table of connections is full drops what it
has no room for, overlay packets included, and says so in its own log alone.

A host may send and expect VXLAN at another address than its node is known by (``--data-path-addr``). Peers learn that
address by gossip, whether they reach it or not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims, keys
from swarmnet.verify.ids import CauseId
from swarmnet.verify.kernels import kernel_of, settings
from swarmnet.verify.keys import outcomes
from swarmnet.verify.scenario import Answers, Findings, HostCommand, ObserverTask, Question, Scenario, Setup
from swarmnet.verify.scenarios.hosts.connections import full
from swarmnet.verify.scenarios.hosts.kernels import OURS, between, failed, is_lost, taken

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonObject
    from swarmnet.verify.scenario import Observer

HOLDERS = keys.command("data-path/holders")
ECHOES = keys.targets("data-path/echo")
"""Whether other hosts reach the addresses of data paths that are not those of the nodes."""
LIMIT = 5.0
"""Seconds in which an echo must come."""
_PROGRAM = re.compile(r'\("([^"]+)",pid=')
"""A process in the last column of ``ss -p``."""


class DataPath(Scenario):
    """Holders of the port, foreign VXLAN devices, and room for connections."""

    name: ClassVar[str] = "data-path"
    summary: ClassVar[str] = "nothing else on a host takes the data path's port, a network's VNI or the kernel's tables"
    needs_observer: ClassVar[bool] = True
    needs_networks: ClassVar[bool] = False

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Ask each observer what its kernel knows, and each host which program has the port."""
        found: list[Question] = [settings(host) for host in setup.watched]
        for host in setup.watched:
            port = ("sport", "=", f":{setup.data_path_port}")
            found.append(HostCommand(host, HOLDERS.name, ("ss", "-H", "-l", "-u", "-n", "-p", *port), sudo=True))
            apart: JsonObject = {one.host: one.vtep for one in setup.observers if one.node_address and one.host != host}
            if apart:
                task: JsonObject = {"kind": "icmp", "targets": apart, "limit": LIMIT}
                found.append(ObserverTask(host, ECHOES.name, task))
        return tuple(found)

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict a host and trouble, else one for all."""
        seen = {host: said for host in setup.watched if (said := kernel_of(answers, host))}
        found = [self._held(setup, host, who) for host in setup.watched if (who := _holders(answers, host))]
        found += [verdict for host, said in seen.items() for verdict in self._host(setup, host, said)]
        found += [verdict for one in setup.observers for verdict in self._unreached(setup, answers, one)]
        if seen and not found:
            detail = f"on {count(len(seen), 'host')} the data path has its port, its VNIs and room for connections"
            unknown = {one.host: one.unknown for one in setup.observers if one.host in seen and one.unknown}
            if unknown:
                detail += (
                    f"; whether overlays of {', '.join(unknown)} go by another address than that of the node is not"
                    f" known: {next(iter(unknown.values()))}"
                )
            found = [self.verdict("hosts", Status.OK, detail)]
        return Findings(tuple(found))

    def _held(self, setup: Setup, host: str, who: list[str]) -> Verdict:
        port = setup.data_path_port
        return failed(
            self.name,
            host,
            (CauseId.DATA_PATH_TAKEN, []),
            f"{', '.join(who)} on {host} holds UDP {port}, the swarm's data path port: the engine cannot make overlays"
            " there (address already in use)",
            f"move it to another port (ss -lunp 'sport = :{port}' shows its process); a swarm gets another port only"
            " when it is made (docker swarm init --data-path-port)",
            frozenset((claims.attach(host),)),
        )

    def _host(self, setup: Setup, host: str, said: JsonObject) -> Iterable[Verdict]:
        port = setup.data_path_port
        for device, vni, name in foreign(setup, said):
            yield failed(
                self.name,
                host,
                (CauseId.DATA_PATH_TAKEN, []),
                f"the VXLAN device {device} on {host} has the VNI of {name} ({vni}) on UDP {port}, and is not Docker's:"
                f" no container on {name} can start there (file exists)",
                f"find what made {device} on {host} (ip -d link show {device}), and give it another VNI or port; or"
                f" recreate {name}, which then gets another VNI",
                frozenset((claims.attach(host),)),
            )
        yield from full(self.name, setup, host, said)

    def _unreached(self, setup: Setup, answers: Answers, observer: Observer) -> Iterable[Verdict]:
        """Yield the failure of a host whose own address for VXLAN is one that others do not reach."""
        host = observer.host
        hurt = [
            peer
            for peer in setup.watched
            if outcomes(answers, peer, ECHOES)[0].get(host, {}).get("ok") is False
            and is_lost(setup, answers, host, peer)
        ]
        if not observer.node_address or not hurt:
            return
        join = (
            f"docker swarm join --advertise-addr {observer.node_address} --data-path-addr ADDRESS --token TOKEN MANAGER"
        )
        pairs = {pair for peer in hurt for pair in ((host, peer), (peer, host))}
        verdict = failed(
            self.name,
            host,
            (CauseId.DATA_PATH_ADDRESS, ["docker swarm leave", join]),
            f"{host} sends and expects VXLAN at {observer.vtep} (--data-path-addr), and {', '.join(hurt)} do not reach"
            f" that address; its node is known by {observer.node_address}",
            f"let {host} leave the swarm and join again with a --data-path-addr that all hosts reach (data_path: in the"
            " inventory), or with none; a manager is demoted first:",
            frozenset({claims.data_path(host), *between(setup, pairs), *(claims.path(*pair) for pair in pairs)}),
        )
        evidence: JsonObject = {**verdict.evidence, "pairs": [[*pair] for pair in sorted(pairs)]}
        yield verdict.model_copy(update={"evidence": evidence})


def _holders(answers: Answers, host: str) -> list[str]:
    """Return the names of the programs that hold the port; the kernel's own sockets belong to none."""
    ended = HOLDERS.read(answers, host)
    return sorted(set(_PROGRAM.findall(ended.stdout))) if ended and ended.succeeded else []


def foreign(setup: Setup, said: JsonObject) -> list[tuple[str, int, str]]:
    """Return the VXLAN devices of others that have the VNI of a network on the swarm's port: device, VNI, network."""
    return [one for one in taken(setup, said) if not one[0].startswith(OURS)]
