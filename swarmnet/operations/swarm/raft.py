"""Read a manager's whole state, and replace that of an engine by one, while that engine is stopped for a moment.

Everything that raft holds comes with it, secrets too. The engine begins the swarm from it as a manager whose others are
gone (:class:`~swarmnet.operations.swarm.recover.RecoverSwarm`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from swarmnet.errors import CommandError, HostError
from swarmnet.model.clock import wait_until
from swarmnet.model.plan import Action, Rank, Risk, Sign
from swarmnet.model.ports import progress
from swarmnet.model.state import SwarmStanding
from swarmnet.operations.swarm.engine_pause import drop_folder, put_folder, read_folder, reason, swap_folder

if TYPE_CHECKING:
    from swarmnet.model.ports import Ports
    from swarmnet.model.sealed import Sink
    from swarmnet.model.state import ClusterState

PAUSE = 300
"""Seconds after which a stopped engine is started again, whatever became of the run."""
STOP_AND_START = 240.0
"""Seconds that stopping and starting an engine may take besides: containers get 15 s to end, the guard waits 90."""
SEND_LIMIT = 3600.0
"""Seconds to send an archive to its host, while the engine goes on."""
BACK_LIMIT = 120.0


def read_state(ports: Ports, host: str, sink: Sink, *, pause: int = PAUSE) -> None:
    """Stop a manager's engine, give the packed folder of its state to ``sink``, and let the engine be started again.

    It is always started: when this returns or raises, when this process dies, after ``pause`` seconds at last.

    Raises:
        CommandError: it cannot be stopped or read, or was started before all was read.
    """
    root = ports.engine(host).facts().data_root
    limit = pause + STOP_AND_START
    ended = ports.shell(host).stream(read_folder(root, pause), sink=sink, timeout=limit, sudo=True)
    if ended.exit_code:
        raise CommandError(
            host, f"cannot read {root}/swarm: {reason(ended)}", hint="its engine is started again; see its log"
        )


class PlaceState(Action):
    """Give an archived state to an engine that is in no swarm."""

    kind: Literal["swarm.place-state"] = "swarm.place-state"
    host: str
    archive: str
    """Where the archive is."""
    backup: str
    """Its id."""
    locked: bool = False
    """True for the state of an autolocked swarm with one manager: its engine starts with it, and waits for the key."""
    risk: Risk = Risk.DISRUPTIVE

    sign: ClassVar[Sign] = Sign.RUN
    stage: ClassVar[Rank] = Rank.COMMAND
    named: ClassVar[frozenset[str]] = Action.named | {"backup"}

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state: what the swarm holds is known once it has begun."""
        return state

    def run(self, ports: Ports) -> None:
        """Unpack it next to the engine's own folder, and swap them once all of it was right.

        Raises:
            CommandError: it does not fit there, or the engine came into a swarm meanwhile.
            DamagedError, WrongKeyError: the archive is not what it was; the engine goes on as it was.
        """
        shell, root = ports.shell(self.host), ports.engine(self.host).facts().data_root
        with ports.archives.unsealed(self.archive) as parts:
            ended = shell.stream(put_folder(root), stdin=parts, timeout=SEND_LIMIT, sudo=True)
            if (problem := parts.problem) is not None:
                shell.run(drop_folder(root), sudo=True)
                raise problem
        if ended.exit_code:
            raise CommandError(self.host, f"cannot unpack the archive in {root}: {reason(ended)}")
        ended = shell.run(swap_folder(root, PAUSE, keep=self.locked), timeout=PAUSE + STOP_AND_START, sudo=True)
        if ended.exit_code:
            shell.run(drop_folder(root), sudo=True)
            raise CommandError(self.host, f"cannot replace {root}/swarm by the archive: {reason(ended)}")
        self._wait(ports)

    def _wait(self, ports: Ports) -> None:
        def look() -> tuple[bool | None, str]:
            try:
                membership = ports.engine(self.host).facts().membership
            except HostError as error:
                return None, str(error)
            there = membership.state is (SwarmStanding.LOCKED if self.locked else SwarmStanding.INACTIVE)
            return (True if there else None), f"{membership.state} {membership.error}".strip()

        what = f"the engine of {self.host} to be back, {'locked' if self.locked else 'in no swarm yet'}"
        wait_until(ports.clock, look, what=what, timeout=BACK_LIMIT, every=0.2, tell=progress(ports))
