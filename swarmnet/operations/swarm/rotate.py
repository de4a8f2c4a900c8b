"""Replace what the swarm trusts: join tokens, CA, unlock key. Each action ends with the proof that it took effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from swarmnet.errors import ConvergenceError
from swarmnet.model.clock import wait_until
from swarmnet.model.hosts import Role
from swarmnet.model.plan import Action, Rank, Sign
from swarmnet.model.ports import progress
from swarmnet.model.swarm import Rotation
from swarmnet.operations.service.converge import again_when_changed

if TYPE_CHECKING:
    from swarmnet.model.base import Secret
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState

ROTATION_LIMIT = 30.0
"""Seconds for managers to return the new tokens or key."""
CA_LIMIT = 300.0
"""Seconds for all nodes to have certificates of the new CA; each renews its own within some seconds."""


class Rotate(Action):
    """Replace one secret of the swarm. No plan, log or report contains it."""

    what: ClassVar[Rotation]
    always: bool = True

    sign: ClassVar[Sign] = Sign.RUN
    stage: ClassVar[Rank] = Rank.SWARM

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state, which does not hold the secret."""
        return state

    def _rotate(self, ports: Ports) -> None:
        manager = ports.manager()
        again_when_changed(lambda: manager.rotate(self.what))


class RotateTokens(Rotate):
    """Replace both join tokens."""

    kind: Literal["swarm.rotate-tokens"] = "swarm.rotate-tokens"
    what: ClassVar[Rotation] = Rotation.TOKENS

    def run(self, ports: Ports) -> None:
        """Replace them, and wait until every manager of the inventory that is one returns the new ones.

        Raises:
            ConvergenceError: one still returns an old token.
        """
        manager = ports.manager()
        before = {role: manager.join_token(role) for role in Role}
        self._rotate(ports)
        names = _managers(ports)

        def look() -> tuple[bool | None, str]:
            old = [name for name in names if any(ports.engine(name).join_token(role) == before[role] for role in Role)]
            return (None if old else True), f"old tokens on {', '.join(old)}"

        what = "every manager to accept the new tokens alone"
        wait_until(ports.clock, look, what=what, timeout=ROTATION_LIMIT, tell=progress(ports))


class RotateCa(Rotate):
    """Replace the certificate authority."""

    kind: Literal["swarm.rotate-ca"] = "swarm.rotate-ca"
    what: ClassVar[Rotation] = Rotation.CA

    def run(self, ports: Ports) -> None:
        """Replace it, and wait until every node reports the new one as its trust root.

        Raises:
            ConvergenceError: some nodes have not renewed their certificates; names them.
        """
        manager = ports.manager()
        before = manager.swarm().ca_digest
        self._rotate(ports)

        def look() -> tuple[bool | None, str]:
            swarm = manager.swarm()
            if swarm.ca_digest == before or swarm.root_rotation:
                late = [node.name for node in manager.nodes.list() if node.ca_digest == before]
                return None, f"the old CA is in use, also on {', '.join(late) or 'no node'}"
            late = [node.name for node in manager.nodes.list() if node.ca_digest != swarm.ca_digest]
            return (None if late else True), f"{', '.join(late)} have no certificate of the new CA"

        what = "every node to trust the new CA alone"
        wait_until(ports.clock, look, what=what, timeout=CA_LIMIT, every=0.2, tell=progress(ports))


class RotateUnlockKey(Rotate):
    """Replace the key that unlocks managers, and write the new one to a file of the operator."""

    kind: Literal["swarm.rotate-unlock-key"] = "swarm.rotate-unlock-key"
    what: ClassVar[Rotation] = Rotation.UNLOCK_KEY
    path: str

    def run(self, ports: Ports) -> None:
        """Replace it, write the new one, and wait until every manager of the inventory returns it.

        Raises:
            UsageError: the file exists, or cannot be written. Each unlocked manager returns the key.
            ConvergenceError: the key did not change.
        """
        manager = ports.manager()
        if ports.secret_files.read(self.path) is not None:
            raise ConvergenceError(f"{self.path} exists, and no key is overwritten", hint="name a new file")
        before = manager.unlock_key()
        self._rotate(ports)

        def changed() -> tuple[Secret | None, str]:
            now = manager.unlock_key()
            return (None if now == before else now), "the old key"

        tell = progress(ports)
        what = "a manager to return the new unlock key"
        key = wait_until(ports.clock, changed, what=what, timeout=ROTATION_LIMIT, tell=tell)
        ports.secret_files.write(self.path, key)
        names = _managers(ports)

        def everywhere() -> tuple[bool | None, str]:
            late = [name for name in names if ports.engine(name).unlock_key() != key]
            return (None if late else True), f"{', '.join(late)} returns another key"

        wait_until(ports.clock, everywhere, what="every manager to have the new key", timeout=ROTATION_LIMIT, tell=tell)


def _managers(ports: Ports) -> tuple[str, ...]:
    """Return the hosts of the inventory that are managers now."""
    reachable = {node.id for node in ports.manager().nodes.list() if node.reachability == "reachable"}
    seen = ((host.name, ports.engine(host.name).facts().membership) for host in ports.inventory.managers)
    return tuple(name for name, membership in seen if membership.is_manager and membership.node_id in reachable)
