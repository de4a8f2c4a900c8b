"""Labs for tests: real hosts, always taken down, and quickly made clean again between tests.

A test that needs a lab and finds no root file systems fails with the hint to run `swarmnet lab setup`;
it is never skipped. Mark such tests ``lab``.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from itertools import count
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import LabError
from swarmnet.lab import Lab, LabSpec
from swarmnet.lab.machine.processes import ProcessIdentity
from swarmnet.lab.state import LabStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    MakeLab = Callable[..., Lab]

_numbers = count(1)


def fresh_name() -> str:
    """Return a lab name that no other test run on this machine uses."""
    return f"test-{os.getpid()}-{next(_numbers)}"


def take_down_orphans() -> list[str]:
    """Take down the labs of test processes that have ended without doing so, and return their names.

    A worker is killed when the process that gives it work hears Ctrl-C: it has no time for its fixtures.
    """
    store = LabStore.default()
    orphans = []
    for name in store.names():
        with suppress(LabError):  # another run takes it down at this moment
            if name.startswith("test-") and not ProcessIdentity(*store.load(name).owner).alive():
                Lab.open(name).down()
                orphans.append(name)
    return orphans


@pytest.fixture(scope="session")
def session_lab() -> Iterator[Lab]:
    """Three hosts with engine 26.1 (m1, m2, m3), and one outside of the inventory: ``registry``."""
    with Lab.up(LabSpec(name=fresh_name(), hosts=3, extras=("registry",))) as lab:
        yield lab


@pytest.fixture
def lab(session_lab: Lab) -> Lab:
    """The session's lab, healed, with engines that hold nothing but images (about 1.5 s)."""
    session_lab.reset()
    return session_lab


@pytest.fixture
def healed_lab(session_lab: Lab) -> Lab:
    """The session's lab with every host on and reachable; what its engines hold is left as it is."""
    session_lab.heal_all()
    return session_lab


@pytest.fixture
def make_lab() -> Iterator[MakeLab]:
    """Make more labs with ``make_lab(hosts=2, engines=("20.10",))``; all are taken down after the test."""
    with ExitStack() as labs:

        def make(*, hosts: int = 1, engines: tuple[str, ...] = ("26.1",), extras: tuple[str, ...] = ()) -> Lab:
            return labs.enter_context(Lab.up(LabSpec(name=fresh_name(), hosts=hosts, engines=engines, extras=extras)))

        yield make
