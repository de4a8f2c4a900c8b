"""The reference to one object, as data: messages print it, decisions compare it."""

from __future__ import annotations

from swarmnet.model.base import Document


class Ref(Document):
    """One object of a cluster."""

    kind: str
    """``network``, ``service``, ``node``; also what has no name, such as ``swarm``."""
    name: str = ""
    host: str | None = None
    """The host that has it; None for what belongs to the swarm."""

    def __str__(self) -> str:
        text = f"{self.kind} {self.name}" if self.name else self.kind
        return text if self.host is None else f"{text} on {self.host}"

    @property
    def key(self) -> tuple[str, str, str | None]:
        """What finds it: engines do not distinguish names by case."""
        return self.kind, self.name.lower(), self.host
