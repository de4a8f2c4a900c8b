"""Autolock: managers whose raft logs cannot be read without a key, and the file that keeps this key.

The engine creates the key and shows it to anyone with access to an unlocked manager. swarmnet writes it to a file of
the operator before it does anything else. No plan, log, report or backup contains it. If a run is killed in between,
the next one finds autolock on and the file missing, and writes the file.
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
"""Seconds for a manager to return its key, which it knows at once."""
ON = "managers that restart stay locked until `swarmnet unlock` gives them the key"
OFF = "anyone who can read the disk of a manager can then read the swarm's secrets"


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
            UsageError: the file cannot be written. Each unlocked manager still returns the key.
        """
        manager = ports.manager()

        def look() -> tuple[Secret | None, str]:
            return manager.unlock_key(), "no key"

        what = "a manager to return the unlock key"
        key = wait_until(ports.clock, look, what=what, timeout=KEY_LIMIT, tell=progress(ports))
        ports.secret_files.write(self.path, key)


def problems_of_key(spec: SwarmSpec, path: str | None, state: ClusterState) -> Iterator[str]:
    """Yield why autolock cannot be turned on, or its key cannot be kept."""
    if not spec.autolock:
        return
    if path is None:
        if state.swarm is None or not state.swarm.spec.autolock:
            yield "autolock needs a file for its key: write 'unlock_key_file: PATH' with a file that does not exist yet"
    elif state.unlock_key_file is KeyStanding.OTHER:
        yield (
            f"{path} does not contain this swarm's unlock key and is not overwritten: move it away, or name another"
            " file"
        )


def keeping(spec: SwarmSpec, path: str | None, state: ClusterState) -> Iterator[Action]:
    """Yield what writes the key, unless the file has it."""
    if spec.autolock and path is not None and state.unlock_key_file is not KeyStanding.KEPT:
        why = "without the key, managers that restart stay locked: keep a copy away from the managers"
        yield KeepUnlockKey(object=Ref(kind="unlock-key", name=path), why=why, path=path)


def risk_of(*, before: bool | None, after: bool | None) -> tuple[Risk, str]:
    """Return the risk of a change of autolock and the words for it; no words if autolock does not change."""
    if after is None or after is bool(before):
        return Risk.SAFE, ""
    return Risk.DISRUPTIVE, f"; {ON if after else OFF}"
