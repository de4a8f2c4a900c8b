"""Starting a probe: again where that helps, and not where the managers do not hear its host any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from swarmnet.errors import EngineError
from swarmnet.model.ports import ContainerSpec
from swarmnet.verify.probes import attempts
from swarmnet.verify.probes.containers import ATTACH_LIMIT
from tests.simulator.clock import SimulatedClock

if TYPE_CHECKING:
    from swarmnet.model.ports import EnginePort

SPEC = ContainerSpec("probe", "probe:1", ("serve",), {})


class Unattached:
    """An engine that gives up attaching after 20 seconds, until ``attaches``."""

    host = "w1"

    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.tries = 0
        self.attaches = False

    def start_container(self, _spec: ContainerSpec) -> str:
        self.tries += 1
        if self.attaches:
            return "id"
        self.clock.sleep(20)
        raise EngineError(self.host, "attaching to network failed, context deadline exceeded", status=500)


def started(engine: Unattached, hears: list[str | None]) -> str:
    def hopeless() -> str | None:
        engine.attaches = not hears
        return hears.pop(0) if hears else None

    return attempts.start(
        engine.clock,
        cast("EnginePort", engine),
        SPEC,
        timeout=ATTACH_LIMIT,
        remove=lambda _name: None,
        hopeless=hopeless,
    )


def test_a_host_that_the_managers_do_not_hear_is_given_up_after_one_attempt() -> None:
    engine = Unattached()

    with pytest.raises(EngineError) as caught:
        started(engine, ["the managers count its node as down by now"])

    assert (engine.tries, engine.clock.monotonic()) == (1, 20)
    assert caught.value.message == (
        "attaching to network failed, context deadline exceeded; the managers count its node as down by now"
    )


def test_a_host_that_they_hear_is_tried_again() -> None:
    engine = Unattached()

    assert started(engine, [None]) == "id"
    assert engine.tries == 3


def test_it_is_tried_for_a_limited_time_where_nothing_says_that_it_is_hopeless() -> None:
    engine = Unattached()

    with pytest.raises(EngineError, match="the probe to start"):
        started(engine, [None] * 9)

    assert ATTACH_LIMIT <= engine.clock.monotonic() <= ATTACH_LIMIT + 20
