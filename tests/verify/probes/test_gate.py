"""Starts and the end of a run: side by side on a host, and nothing begins once the end has begun."""

from __future__ import annotations

import threading

import pytest

from swarmnet.errors import HostError, HostTimeoutError
from swarmnet.verify.probes.run import Gate


def test_starts_on_one_host_go_on_side_by_side() -> None:
    gate, both = Gate(), threading.Barrier(2)

    def start() -> None:
        with gate.starting("m1"):
            both.wait(10)

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not both.broken


def test_nothing_begins_behind_a_closed_gate() -> None:
    gate = Gate()
    gate.close()
    with pytest.raises(HostError, match="the run is over"), gate.starting("m1"):
        pytest.fail("it began")


def test_the_end_waits_for_every_start_on_its_host_and_for_no_other() -> None:
    gate, begun, may_end = Gate(), threading.Barrier(3), threading.Event()
    ended: list[str] = []

    def start(name: str) -> None:
        with gate.starting("m1"):
            begun.wait(10)
            may_end.wait(10)
            ended.append(name)

    for name in ("probe", "observer"):
        threading.Thread(target=start, args=(name,), daemon=True).start()
    begun.wait(10)
    gate.close()
    gate.wait_for_starts("m2", timeout=0)
    with pytest.raises(HostTimeoutError, match="still being started"):
        gate.wait_for_starts("m1", timeout=0)
    may_end.set()
    gate.wait_for_starts("m1", timeout=10)
    assert sorted(ended) == ["observer", "probe"]


def test_a_start_that_fails_is_not_waited_for() -> None:
    gate = Gate()
    with pytest.raises(HostError, match="no room"), gate.starting("m1"):
        raise HostError("m1", "no room")
    gate.close()
    gate.wait_for_starts("m1", timeout=0)
