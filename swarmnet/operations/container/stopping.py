"""Stop containers in their own time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError, EngineTimeoutError

if TYPE_CHECKING:
    from swarmnet.model.ports import EnginePort

_GRACE = 10.0


class StillStoppingError(ConvergenceError):
    """A container has not ended yet; its engine goes on stopping it, and nothing was killed."""


def stop_container(engine: EnginePort, container: str, name: str) -> None:
    """Stop a container, and kill it once its own time is over, not before.

    Args:
        engine: the engine of its host.
        container: its id.
        name: what people call it.

    Raises:
        StillStoppingError: it has not ended after all the time that the operator allows for a wait (``--timeout``), or
            a minute after its own time.
    """
    grace = _grace_of(engine, container)
    try:
        engine.plain.stop(container, grace)
    except EngineTimeoutError as error:
        time = "no end of its time to stop" if grace is None else f"{grace:g} s to stop"
        raise StillStoppingError(
            f"container {name} on {engine.host} is still stopping; it has {time}, and {error.brief or error}",
            hint="run again once it has ended, or with a longer --timeout",
        ) from error


def _grace_of(engine: EnginePort, container: str) -> float | None:
    """Return the seconds that a container has to stop; None for one that is never killed (``--stop-timeout -1``)."""
    made = engine.plain.made(container)
    if made is None:
        return _GRACE
    written = made.spec.extra.get("StopTimeout")
    if isinstance(written, int) and written < 0:
        return None
    asked = made.whole.stop_grace_period
    return _GRACE if asked is None else asked
