"""What sharing a read promises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event, Semaphore
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.engine.coalesced import SharedLook
from swarmnet.edge.operator.clock import SystemClock
from swarmnet.errors import EngineError
from tests.simulator import SimulatedClock

if TYPE_CHECKING:
    from collections.abc import Callable


def shared(look: Callable[[], int]) -> SharedLook[int]:
    return SharedLook(look, SimulatedClock())


def test_one_after_the_other_each_caller_reads_again() -> None:
    numbers = count(1)
    look = shared(lambda: next(numbers))

    assert [look(), look(), look()] == [1, 2, 3]


def test_one_thread_alone_never_waits() -> None:
    clock = SimulatedClock()
    look = SharedLook(lambda: 1, clock)

    look()
    look()

    assert clock.monotonic() == 0


def test_many_threads_share_few_reads_and_none_that_began_before_they_asked() -> None:
    begun = count(1)
    latest = 0

    def read() -> int:
        nonlocal latest
        latest = next(begun)
        if latest == 1:
            all_asked.wait(10)
        return latest

    look = SharedLook(read, SystemClock())
    all_asked, asking = Event(), Semaphore(0)

    def ask(_number: int) -> bool:
        before = latest
        asking.release()
        return look() > before

    with ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(ask, number) for number in range(20)]
        for _ in answers:
            asking.acquire()
        all_asked.set()
        assert all(answer.result() for answer in answers)
    # The first, the one that those who came during it share, and some for threads that were late between two words.
    assert latest <= 5


def test_an_error_reaches_everyone_who_shared_it_and_ends_there() -> None:
    fails = True

    def look() -> int:
        if fails:
            raise EngineError("m1", "no")
        return 1

    sharing = shared(look)
    with pytest.raises(EngineError):
        sharing()
    fails = False

    assert sharing() == 1
