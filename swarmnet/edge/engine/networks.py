"""The networks of one engine."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, ClassVar

from swarmnet.edge.engine.calls import EnginePart, Request, quoted
from swarmnet.edge.engine.coalesced import SharedLook
from swarmnet.edge.engine.wire.network import data_path_from_wire, network_from_wire, network_to_wire
from swarmnet.edge.engine.wire.parts import as_list, as_object
from swarmnet.errors import EngineError, NotFoundError
from swarmnet.model.network import Scope
from swarmnet.model.version import ApiVersion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.edge.engine.calls import EngineCalls
    from swarmnet.model.base import JsonValue
    from swarmnet.model.clock import Clock
    from swarmnet.model.network import Network, NetworkSpec

_IPV4_CHOICE = ApiVersion(1, 48)
HIDDEN = ("host", "bridge")
"""Networks of the swarm that a manager leaves out of its list: services with them run on the nodes' own."""


class NetworkStore(EnginePart):
    """List, create and remove networks; remember their names for callers that see only ids."""

    word: ClassVar[str] = "networks"

    def __init__(self, calls: EngineCalls, clock: Clock) -> None:
        super().__init__(calls)
        self._names: dict[str, str] = {}
        self._asking_names = Lock()
        self._listed = SharedLook(self._list_networks, clock)

    def list(self) -> tuple[Network, ...]:
        """Return the engine's list: one request, no inspects (these show the node's own copy, not the swarm's).

        Threads that ask at the same time share the answer.
        """
        return self._listed()

    def _list_networks(self) -> tuple[Network, ...]:
        what = "list networks"
        with self._calls.asking(what):
            listed = tuple(
                network_from_wire(network) for network in self._calls.objects(Request(what, "GET", "/networks"))
            )
        self._names.update({net.id: net.spec.name for net in listed if net.spec.scope is Scope.SWARM})
        return listed

    def create(self, spec: NetworkSpec) -> str:
        """Create a network and return its id; docker-py's helper knows neither ConfigOnly nor EnableIPv6 false."""
        what = f"create network {spec.name}"
        with self._calls.asking(what):
            if spec.ipv4 is False and self._calls.version() < _IPV4_CHOICE:
                hint = "upgrade the engine, or leave ipv4 on"
                raise EngineError(self.host, f"{what}: a network without IPv4 needs engine 28 (API 1.48)", hint=hint)
        body = network_to_wire(spec)
        return self._calls.made(Request(what, "POST", "/networks/create", body), "Id")

    def remove(self, object_id: str) -> None:
        """Remove a network by its id; names are ambiguous where a local and a swarm-scoped one share one."""
        self._calls.send(Request(f"remove network {object_id}", "DELETE", f"/networks/{quoted(object_id)}"))

    def ids(self) -> dict[str, str]:
        """Return the ids of swarm-scoped networks by name, the hidden ones included."""
        listed = [net for net in self.list() if net.spec.scope is Scope.SWARM]
        # A copy of a network that is gone may have the name of one created since.
        ids = {net.spec.name: net.id for net in sorted(listed, key=lambda net: not net.is_copy)}
        return ids | self._hidden_ids()

    def data_path(self, used: Iterable[Network]) -> str | None:
        """Return the address between which the engine sends VXLAN; None where no overlay of those used says it.

        ``used`` are networks that containers of this engine are on.
        """
        for net in used:
            if net.spec.driver != "overlay":
                continue
            what = f"look at the hosts of network {net.spec.name}"
            request = Request(what, "GET", f"/networks/{quoted(net.id)}", params={"verbose": "true"})
            with suppress(NotFoundError), self._calls.asking(what):
                if found := data_path_from_wire(as_object(self._calls.send(request))):
                    return found
        return None

    def names_of(self, network_ids: Iterable[str]) -> dict[str, str]:
        """Return ids by name for the networks asked for.

        Asks the engine only for ids that no list had so far: an id keeps its name forever. Threads that miss the same
        names ask once.
        """
        wanted = set(network_ids)
        with self._asking_names:
            if wanted - self._names.keys():
                self._hidden_ids()
            if wanted - self._names.keys():
                self.ids()
            known = dict(self._names)
        return {known[network_id]: network_id for network_id in wanted if network_id in known}

    def _hidden_ids(self) -> dict[str, str]:
        """Return the ids of the hidden networks by name, and remember them."""
        ids = {name: found for name in HIDDEN if (found := self._hidden(name)) is not None}
        self._names.update({network_id: name for name, network_id in ids.items()})
        return ids

    def _hidden(self, name: str) -> str | None:
        request = Request(f"find the swarm's network {name}", "GET", f"/networks/{name}", params={"scope": "swarm"})
        try:
            return self._calls.made(request, "Id")
        except NotFoundError:
            return None


def targets(spec: JsonValue) -> list[str]:
    """Return the ids of the networks in a service's or task's spec."""
    body = as_object(spec)
    lists = [body.get("Networks"), as_object(body.get("TaskTemplate")).get("Networks")]
    return [str(as_object(entry).get("Target")) for entries in lists for entry in as_list(entries)]
