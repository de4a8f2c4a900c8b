"""The actions that install an engine on a host, and that replace one by a newer one.

Debian's ``docker.io`` leaves the engine running that was there before an upgrade, ``docker-ce`` restarts it (maintainer
scripts of both; seen on docker.io 20.10.24 to 26.1.5): an engine that still has the old version is restarted here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from swarmnet.errors import CommandError, ConvergenceError, HostError, SwarmnetError
from swarmnet.model.clock import until_stopped, wait_until
from swarmnet.model.find import by_id
from swarmnet.model.hosts import Role
from swarmnet.model.plan import Action, Rank, Risk, Sign
from swarmnet.model.ports import progress
from swarmnet.model.state import EngineFacts, SwarmStanding
from swarmnet.operations.engine.retreat import Retreat, may_go

if TYPE_CHECKING:
    from swarmnet.model.base import Secret
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState

APT_LIMIT = 1800.0
"""Seconds for apt to fetch and to unpack: slow mirrors, slow disks, another apt that holds the lock."""
ENGINE_LIMIT = 180.0
"""Seconds for an engine to answer after its packages changed; one that stops many containers takes some."""
BACK_LIMIT = 120.0
"""Seconds for a node to be ready again; a new leader calls all nodes ``unknown`` for six heartbeats."""

INSTALL = """\
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
LC_ALL=C DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1; export LC_ALL DEBIAN_FRONTEND NEEDRESTART_SUSPEND
code=0
[ -z "$(dpkg --audit)" ] || dpkg --force-confdef --force-confold --configure -a > "$log" 2>&1 < /dev/null || code=$?
[ "$code" != 0 ] || apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confdef \\
  -o Dpkg::Options::=--force-confold install "$@" > "$log" 2>&1 < /dev/null || code=$?
[ "$code" = 0 ] || tail -c 1500 "$log" >&2
exit "$code"
"""
"""``sh -c INSTALL sh NAME=VERSION...``. Its output goes to a file: a connection that breaks must not end dpkg.
Configuration files that the operator changed stay as they are."""

SERVICE = """\
if [ -d /run/systemd/system ]; then
  systemctl enable docker.service >/dev/null 2>&1
  exec systemctl "$1" docker.service
fi
exec service docker "$1"
"""
"""``sh -c SERVICE sh start|restart``."""


class PackageAction(Action):
    """Give a host the packages of an engine."""

    host: str
    packages: tuple[str, ...] = ()
    """What is installed, as apt takes it (``NAME=VERSION``); empty where all is there already."""
    engine: str
    """The version that the engine then has."""

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state: what is in the swarm stays there."""
        return state

    def install(self, ports: Ports) -> None:
        """Let apt install the packages.

        Raises:
            CommandError: it failed; has its last words.
        """
        if not self.packages:
            return
        self.command(ports, ("sh", "-c", INSTALL, "sh", *self.packages), "apt-get install", limit=APT_LIMIT)

    def serve(self, ports: Ports, verb: str) -> None:
        """Start or restart the engine's service."""
        self.command(ports, ("sh", "-c", SERVICE, "sh", verb), f"{verb} of the engine", limit=ENGINE_LIMIT)

    def command(self, ports: Ports, argv: tuple[str, ...], what: str, *, limit: float) -> None:
        """Run a command as root.

        Raises:
            CommandError: it failed; has its last words.
        """
        ended = ports.shell(self.host).run(argv, timeout=limit, sudo=True)
        if ended.exit_code:
            said = (ended.stderr or ended.stdout).decode(errors="replace").strip()
            raise CommandError(self.host, f"{what} failed (status {ended.exit_code}): {said[-600:]}")


class InstallEngine(PackageAction):
    """Install an engine on a host that has none, and start it."""

    kind: Literal["engine.install"] = "engine.install"

    sign: ClassVar[Sign] = Sign.CREATE
    stage: ClassVar[Rank] = Rank.INSTALL

    def run(self, ports: Ports) -> None:
        """Install and start it, and wait until it answers.

        Raises:
            CommandError: apt or the engine's service failed.
            ConvergenceError: it does not answer.
        """
        self.install(ports)
        self.serve(ports, "start")
        _wait_for_engine(ports, self.host, self.engine)


class UpgradeEngine(PackageAction):
    """Replace the engine of one host: its tasks move, the packages change, the node is back, and has what it had."""

    kind: Literal["engine.upgrade"] = "engine.upgrade"
    node_id: str = ""
    """Its node; empty for a host outside of the swarm."""
    down: tuple[str, ...] = ()
    """Services that do not run meanwhile, since no other node has room for them."""
    risk: Risk = Risk.DISRUPTIVE

    stage: ClassVar[Rank] = Rank.UPGRADE
    named: ClassVar[frozenset[str]] = Action.named | {"node_id", "packages", "engine"}

    @property
    def stops(self) -> tuple[str, ...]:
        """The services that have no other place."""
        return self.down

    def run(self, ports: Ports) -> None:
        """Do all of it; whatever a run before this one has done is found done.

        Raises:
            ConvergenceError: the quorum would be lost, tasks do not run elsewhere, or the node does not come back.
            CommandError: apt or the engine's service failed.
        """
        try:
            if self.node_id:
                self._in_swarm(ports)
            else:
                self._replace(ports, None)
        except SwarmnetError as error:
            error.hint = error.hint or self._advice()
            raise

    def _advice(self) -> str:
        stays = f"; {self.host} takes no tasks until then" if self.node_id else ""
        return f"repair {self.host}, then run swarmnet engine upgrade again, which continues from there{stays}"

    def _in_swarm(self, ports: Ports) -> None:
        manager = ports.manager()
        nodes = manager.nodes.list()
        node = by_id(nodes, self.node_id)
        if node is None:
            raise ConvergenceError(f"{self.host} is not in the swarm any more (node id {self.node_id})")
        if why := may_go(node, nodes):
            raise ConvergenceError(f"the engine of {self.host} was not touched: {why}")
        is_manager = node.spec.role is Role.MANAGER
        key = manager.unlock_key() if is_manager else None
        had_mesh = _has_mesh(ports, self.host)
        retreat = Retreat(ports, self.node_id, self.host, self.down)
        retreat.begin()
        self._replace(ports, key)
        self._wait_until_back(ports, is_manager=is_manager, had_mesh=had_mesh)
        retreat.end()

    def _replace(self, ports: Ports, key: Secret | None) -> None:
        self.install(ports)
        if _version(ports, self.host) != self.engine:
            self.serve(ports, "restart")
        facts = _wait_for_engine(ports, self.host, self.engine)
        if key is not None and facts.membership.state is SwarmStanding.LOCKED:
            ports.engine(self.host).unlock_swarm(key)

    def _wait_until_back(self, ports: Ports, *, is_manager: bool, had_mesh: bool) -> None:
        """Wait until the node is ready, answers as a manager if it is one, and has the ingress network that it had."""

        def look() -> tuple[bool | None, str]:
            try:
                nodes = ports.manager().nodes.list()
                mesh = not had_mesh or _has_mesh(ports, self.host)
            except HostError as error:
                return None, str(error)
            node = by_id(nodes, self.node_id)
            if node is None:
                return None, "it is not in the list of nodes"
            back = node.status == "ready" and (not is_manager or node.reachability == "reachable")
            seen = f"it is {node.status}, {node.reachability or 'no manager'}, {'with' if mesh else 'without'} ingress"
            return (True if back and mesh else None), seen

        looked = until_stopped(ports.clock, look)
        what = f"{self.host} to be back in the swarm"
        wait_until(ports.clock, looked, what=what, timeout=BACK_LIMIT, tell=progress(ports))


def _version(ports: Ports, host: str) -> str:
    """Return the version of the engine that runs; empty where none answers."""
    try:
        return ports.engine(host).facts().version
    except HostError:
        return ""


def _has_mesh(ports: Ports, host: str) -> bool:
    return any(one.spec.ingress for one in ports.engine(host).networks.list())


def _wait_for_engine(ports: Ports, host: str, version: str) -> EngineFacts:
    """Wait until the engine answers in this version, and is as far in its swarm as it comes by itself."""

    def look() -> tuple[EngineFacts | None, str]:
        try:
            facts = ports.engine(host).facts()
        except HostError as error:
            return None, error.message
        settled = facts.membership.state is not SwarmStanding.PENDING
        seen = f"it runs {facts.version}, {facts.membership.state}"
        return (facts if settled and facts.version == version else None), seen

    looked = until_stopped(ports.clock, look)
    what = f"engine {version} of {host} to answer"
    return wait_until(ports.clock, looked, what=what, timeout=ENGINE_LIMIT, every=0.2, tell=progress(ports))
