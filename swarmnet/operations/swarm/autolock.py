"""Autolock: managers whose raft logs nobody reads without a key, and the one file that keeps this key.

The engine makes the key itself and shows it to whoever may ask a manager, as long as one is unlocked. swarmnet writes
it to a file of the operator, once, before anything else is done; it stands in no plan, log, report or backup. A run
that was killed between both finds autolock on and the file missing, and writes it then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from swarmnet.model.clock import wait_until
from swarmnet.model.plan import Action, Rank, Risk, Sign
from swarmnet.model.ports import progress
from swarmnet.model.ref import Ref
from swarmnet.model.state import KeyStanding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import Secret
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import SwarmSpec

KEY_LIMIT = 10.0
"""Seconds for a manager to tell its key; it knows it at once."""
ON = "managers that restart stay locked until `swarmnet unlock` gives them the key"
OFF = "whoever reads a manager's disk can read the swarm's secrets again"


class KeepUnlockKey(Action):
    """Write the swarm's unlock key to a file of the operator."""

    kind: Literal["swarm.keep-unlock-key"] = "swarm.keep-unlock-key"
    path: str

    sign: ClassVar[Sign] = Sign.CREATE
    stage: ClassVar[Rank] = Rank.SWARM

    @property
    def target(self) -> str:
        """What is changed, for people."""
        return f"unlock key in {self.path}"

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the key in its file."""
        return state.model_copy(update={"unlock_key_file": KeyStanding.KEPT})

    def run(self, ports: Ports) -> None:
        """Ask a manager and write the file.

        Raises:
            UsageError: the file cannot be written; the key is still to be had from any unlocked manager.
        """
        manager = ports.manager()

        def look() -> tuple[Secret | None, str]:
            return manager.unlock_key(), "no key"

        what = "a manager to tell the unlock key"
        key = wait_until(ports.clock, look, what=what, timeout=KEY_LIMIT, tell=progress(ports))
        ports.secret_files.write(self.path, key)


def problems_of_key(spec: SwarmSpec, path: str | None, state: ClusterState) -> Iterator[str]:
    """Yield why autolock cannot be switched on, or its key not be kept."""
    if not spec.autolock:
        return
    if path is None:
        if state.swarm is None or not state.swarm.spec.autolock:
            yield "autolock needs a place for its key: write 'unlock_key_file: PATH', a file that is not there yet"
    elif state.unlock_key_file is KeyStanding.OTHER:
        yield (
            f"{path} holds something else than this swarm's unlock key and is not overwritten: move it away,"
            " or name another file"
        )


def keeping(spec: SwarmSpec, path: str | None, state: ClusterState) -> Iterator[Action]:
    """Yield what writes the key, unless the file holds it."""
    if spec.autolock and path is not None and state.unlock_key_file is not KeyStanding.KEPT:
        why = "whoever loses the key loses every manager that restarts; keep a copy where no manager is"
        yield KeepUnlockKey(object=Ref(kind="unlock-key", name=path), why=why, path=path)


def risk_of(*, before: bool | None, after: bool | None) -> tuple[Risk, str]:
    """Return the risk of a change of autolock and the words for it; no words if autolock does not change."""
    if after is None or after is bool(before):
        return Risk.SAFE, ""
    return Risk.DISRUPTIVE, f"; {ON if after else OFF}"
