"""The probe's image on the hosts: brought where it is missing, removed where this run brought it."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from swarmnet.model.verification import Keep
from swarmnet.verify.probes.attempts import UnfitImageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.ports import EnginePort
    from swarmnet.verify.probes.run import RunContext


@dataclass(slots=True)
class Images:
    """Where the image is, as far as this run had to do with it."""

    context: RunContext
    brought: set[str] = field(default_factory=set)
    """Hosts where this run put it."""
    by_id: set[str] = field(default_factory=set)
    """Hosts whose engine finds it by its id."""
    there: set[str] = field(default_factory=set)
    """Hosts that have it, as far as this run looked."""
    turns: dict[str, Lock] = field(default_factory=dict)
    """Host to the turn of the thread that looks there; others wait for it."""

    def bring(self, host: str) -> None:
        """Pull or load the image where it is missing; one thread does so on each host, and looks once.

        Raises:
            UnfitImageError: It is for another architecture.
            HostError: The engine cannot take it.
        """
        with self.turns.setdefault(host, Lock()):
            if host not in self.there:
                self._bring(self.context.ports.engine(host))
                self.there.add(host)

    def _bring(self, engine: EnginePort) -> None:
        kit = self.context.kit
        facts = self.context.state.facts(engine.host)
        machine = facts.engine.architecture if facts else ""
        if not engine.has_image(kit.reference):
            if kit.archive is None:
                engine.pull_image(kit.reference)
            elif kit.architecture and machine and machine != kit.architecture:
                raise UnfitImageError(
                    engine.host,
                    f"the host is {machine}, the probe's archive is for {kit.architecture}: give --probe-image"
                    " with an image for both that has python3",
                )
            else:
                engine.load_image(kit.archive)
            self.brought.add(engine.host)
        if kit.image_id and engine.has_image(kit.image_id):
            self.by_id.add(engine.host)

    def reference_for(self, hosts: Iterable[str]) -> str:
        """Return how a service on these hosts names the image.

        By the image's id, no node asks a registry for it, which can take 20 s where there is none.
        """
        kit = self.context.kit
        return kit.image_id if kit.image_id and self.by_id >= set(hosts) else kit.reference

    def is_removed_from(self, host: str, keep: Keep) -> bool:
        """Return whether the image is removed from a host at the end."""
        if keep is Keep.ALWAYS:
            return False
        return host in self.brought or (keep is Keep.NEVER and self.context.kit.is_own)
