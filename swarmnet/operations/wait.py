"""``wait``: go on only when a service runs, or answers on a network. A plan that changes nothing has no waits.

A run that failed at a wait and is repeated waits again: what comes after it is not there yet, though all before it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field

from swarmnet.errors import ConvergenceError
from swarmnet.model.clock import until_stopped, wait_until
from swarmnet.model.plan import Action, Rank, Sign
from swarmnet.model.ports import Destination, progress
from swarmnet.model.ref import Ref
from swarmnet.operations.kind import Operation
from swarmnet.operations.notation import Duration
from swarmnet.operations.service.converge import SERVICE_LIMIT, wait_for_service
from swarmnet.operations.service.environment import names_on

if TYPE_CHECKING:
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState
    from swarmnet.operations.kind import Context

TURN = 3.0
"""Seconds after which the probe says what it saw, so that a wait can be reported, and stopped."""
_LOCAL = ("host", "bridge", "none")
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?"
_TCP = re.compile(rf"(?P<name>{_NAME}):(?P<port>[0-9]{{1,5}})")
_PATH = re.compile(r"/[!-~]*")
_MOST_PORT = 65535


class WaitForService(Action):
    """Wait until all tasks of a service run, and an update of it has ended."""

    kind: Literal["wait.service"] = "wait.service"
    name: str
    """The service."""
    timeout: float = SERVICE_LIMIT

    sign: ClassVar[Sign] = Sign.RUN
    stage: ClassVar[Rank] = Rank.COMMAND

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state, which waiting does not change."""
        return state

    def run(self, ports: Ports) -> None:
        """Wait.

        Raises:
            ConvergenceError: its update failed, its tasks cannot run, or the time ran out; has the engine's word.
        """
        wait_for_service(ports, self.name, timeout=self.timeout)


class WaitForAnswer(Action):
    """Wait until a name answers on a network, asked by a probe that is on it for as long as the wait."""

    kind: Literal["wait.answer"] = "wait.answer"
    network: str
    name: str
    """The name that is asked for, or an address."""
    port: int
    path: str | None = None
    """What is asked of it by HTTP; None only opens a TCP connection."""
    status: int | None = None
    """The status that it must answer; None takes any below 400."""
    image: str | None = None
    """What the probe runs in; None takes the one that swarmnet brings."""
    timeout: float = SERVICE_LIMIT

    sign: ClassVar[Sign] = Sign.RUN
    stage: ClassVar[Rank] = Rank.COMMAND

    @property
    def target(self) -> str:
        """What is asked where, for people."""
        what = f"{self.name}:{self.port}" if self.path is None else f"http://{self.name}:{self.port}{self.path}"
        return f"{what} on network {self.network}"

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state, which waiting does not change."""
        return state

    def run(self, ports: Ports) -> None:
        """Put a probe on the network, ask until there is an answer, and take the probe away.

        Raises:
            ConvergenceError: no probe starts there, or the time ran out; has what was seen last.
        """
        destination = Destination(self.name, self.port, self.path, self.status)
        with ports.inside(self.network, image=self.image) as inside:

            def look() -> tuple[bool | None, str]:
                found = inside.reach(destination, limit=min(TURN, self.timeout))
                return (True if found.ok else None), f"asked from {inside.host}: {found.seen}"

            what, tell = f"an answer of {self.target}", progress(ports)
            looked = until_stopped(ports.clock, look)
            try:
                wait_until(ports.clock, looked, what=what, timeout=self.timeout, tell=tell)
            except ConvergenceError as error:
                hint = "look at what it printed (swarmnet logs), at the port and the path, or allow more time"
                raise ConvergenceError(error.message, hint=hint) from error


@dataclass(frozen=True, slots=True)
class _Asked:
    """What ``tcp`` or ``http`` of a step says."""

    destination: Destination | None = None
    fault: str = ""


def _of_tcp(text: str) -> _Asked:
    match = _TCP.fullmatch(text)
    if match is None or not 0 < int(match["port"]) <= _MOST_PORT:
        return _Asked(fault=f"tcp: {text!r} is not a name and a port: write NAME:PORT, such as db:5432")
    return _Asked(Destination(match["name"], int(match["port"])))


def _of_http(text: str, status: int | None) -> _Asked:
    wrong = _Asked(fault=f"http: {text!r} is not a URL: write http://NAME:PORT/PATH, such as http://web:8080/health")
    if text.startswith("https://"):
        return _Asked(fault="http: 'https' is not asked, since no certificate is checked: write 'tcp: NAME:PORT'")
    try:
        url = urlsplit(text)
        name, port, path = url.hostname or "", url.port or 80, url.path or "/"
    except ValueError:
        return wrong
    path = f"{path}?{url.query}" if url.query else path
    sound = url.scheme == "http" and "@" not in url.netloc and not url.fragment
    if not sound or re.fullmatch(_NAME, name) is None or _PATH.fullmatch(path) is None:
        return wrong
    return _Asked(Destination(name, port, path, status))


class WaitOperation(Operation):
    """A point that a run passes only when a service is healthy, or answers on a network."""

    name_in_playbook: ClassVar[str] = "wait"
    summary: ClassVar[str] = "Go on only when a service is healthy, or answers by TCP or HTTP on a network."
    only_after_changes: ClassVar[bool] = True

    service: Annotated[str, Field(min_length=1)] | None = None
    """The service to wait for: all its tasks run and are healthy."""
    healthy: Literal[True] = True
    """Engines count a task as running once its health check, where it has one, has succeeded."""
    tcp: Annotated[str, Field(min_length=1)] | None = None
    """`NAME:PORT` that must accept a TCP connection, asked from inside `network`."""
    http: Annotated[str, Field(min_length=1)] | None = None
    """URL that must answer, such as `http://web:8080/health`, asked from inside `network`."""
    status: Annotated[int, Field(strict=True, ge=100, le=599)] | None = None
    """The HTTP status that is waited for; left out, any below 400."""
    network: Annotated[str, Field(min_length=1)] | None = None
    """The overlay to ask from, attachable or not, internal and encrypted ones, too."""
    image: Annotated[str, Field(min_length=1)] | None = None
    """Image with python3 to ask from; left out, a small one that swarmnet brings to a host and removes again."""
    timeout: Annotated[Duration, Field(gt=0)] = SERVICE_LIMIT
    """Seconds after which the run fails, with what was seen last."""

    def faults(self) -> tuple[str, ...]:
        """Return keys that do not go together, and what is not a name with a port."""
        given = [key for key in ("service", "tcp", "http") if getattr(self, key) is not None]
        if len(given) != 1:
            said = " and ".join(given) or "nothing"
            return (f"'wait' waits for one thing, this one for {said}: write service, tcp or http",)
        inside = [key for key in ("network", "image") if getattr(self, key) is not None]
        if self.service is not None and inside:
            return (f"'{inside[0]}' belongs to tcp and http: leave it out",)
        found = [] if self.status is None or self.http is not None else ["'status' belongs to http: leave it out"]
        if self.service is None and self.network is None:
            found.append(f"'{given[0]}' is asked from inside a network: write 'network: NAME'")
        return (*found, *([self._asked.fault] if self._asked.fault else ()))

    @property
    def _asked(self) -> _Asked:
        if self.http is not None:
            return _of_http(self.http, self.status)
        return _Asked() if self.tcp is None else _of_tcp(self.tcp)

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return a service or a network that does not exist at this point, or that no probe can be on."""
        if self.network is not None:
            return self._network_problems(self.network, context)
        if context.state.service(self.service or "") is not None or ("service", self.service) in context.provided:
            return ()
        return (f"there is no service {self.service} here: put the step after the one that makes it",)

    def _network_problems(self, name: str, context: Context) -> tuple[str, ...]:
        seen, said = context.state.network(name), ""
        if seen is None:
            if name in _LOCAL or any(context.state.local_network(host.name, name) for host in context.inventory.hosts):
                said = f"network {name} is local to a host: 'wait' asks from inside an overlay of the swarm"
            elif ("network", name) not in context.provided:
                said = f"there is no network {name} here: put the step after the one that makes it"
        elif seen.spec.name != name:
            said = f"network {name!r} is written {seen.spec.name!r}"
        elif seen.spec.ingress:
            said = f"network {name} is the routing mesh's own, and no probe can be on it: name an overlay"
        elif seen.spec.driver not in (None, "", "overlay"):
            said = f"network {name} is a {seen.spec.driver}: 'wait' asks from inside an overlay of the swarm"
        return (said,) if said else ()

    def warnings(self, context: Context) -> tuple[str, ...]:
        """Return a name that nothing on the network has."""
        asked, network = self._asked.destination, self.network
        if asked is None or network is None or "." in asked.name:
            return ()
        known = names_on({network}, context)
        if asked.name.lower() in {name.lower() for name in known}:
            return ()
        there = ", ".join(sorted(known)) or "none"
        return (f"no service is called {asked.name!r} on network {network}; those that are there: {there}",)

    def plan(self, _context: Context) -> tuple[Action, ...]:
        """Return the wait; a plan that changes nothing else leaves it out, so that a second plan is empty."""
        asked = self._asked.destination
        if asked is None or self.network is None:
            target = Ref(kind="service", name=self.service or "")
            why = "the steps after it need it healthy"
            return (WaitForService(object=target, why=why, always=True, name=target.name, timeout=self.timeout),)
        return (
            WaitForAnswer(
                object=Ref(kind="network", name=self.network),
                why="the steps after it need its answer",
                always=True,
                network=self.network,
                name=asked.name,
                port=asked.port,
                path=asked.path,
                status=asked.status,
                image=self.image,
                timeout=self.timeout,
            ),
        )
