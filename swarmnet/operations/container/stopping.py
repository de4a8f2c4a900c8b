"""How long containers have to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmnet.model.ports import EnginePort

_GRACE = 10.0


def grace_of(engine: EnginePort, container: str) -> float:
    """Return the seconds that a container has to stop."""
    made = engine.plain.made(container)
    asked = None if made is None else made.whole.stop_grace_period
    return _GRACE if asked is None else asked
