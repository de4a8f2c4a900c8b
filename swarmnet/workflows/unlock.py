"""Unlock restarted managers of an autolocked swarm."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError, WrongKeyError
from swarmnet.model.base import Document
from swarmnet.model.clock import wait_until
from swarmnet.model.ports import progress
from swarmnet.model.state import SwarmStanding
from swarmnet.workflows.fleet.fanout import fan_out

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.errors import HostError
    from swarmnet.model.base import Secret
    from swarmnet.model.ports import Ports

UNLOCK_LIMIT = 60.0
"""Seconds for a manager to rejoin its swarm; it first reads its logs and looks for the leader."""


class Answer(StrEnum):
    """What became of one host."""

    UNLOCKED = "unlocked"
    NOT_LOCKED = "not locked"
    WRONG_KEY = "wrong key"
    FAILED = "failed"


class Unlocked(Document):
    """The result on one host."""

    host: str
    answer: Answer
    detail: str = ""


def unlock(ports: Ports, key: Secret, hosts: Iterable[str]) -> tuple[Unlocked, ...]:
    """Send the key to all locked hosts, then wait until each is back in its swarm.

    All hosts get the key before any is waited for: after a power cut of the whole cluster, the swarm answers only once
    a majority is unlocked. A wrong key changes nothing; a host that does not answer does not stop the others.
    """
    asked = tuple(hosts)
    opened = fan_out(asked, lambda host: _open(ports, key, host), listener=ports.listener)
    waiting = [host for host, one in opened.items() if isinstance(one, Unlocked) and one.answer is Answer.UNLOCKED]
    back = fan_out(waiting, lambda host: _wait(ports, host), listener=ports.listener)
    return tuple(_result(host, back.get(host, opened[host])) for host in opened)


def _open(ports: Ports, key: Secret, host: str) -> Unlocked:
    engine = ports.engine(host)
    if engine.facts().membership.state is not SwarmStanding.LOCKED:
        return Unlocked(host=host, answer=Answer.NOT_LOCKED)
    try:
        engine.unlock_swarm(key)
    except WrongKeyError as error:
        return Unlocked(host=host, answer=Answer.WRONG_KEY, detail=error.message)
    return Unlocked(host=host, answer=Answer.UNLOCKED)


def _wait(ports: Ports, host: str) -> Unlocked:
    engine = ports.engine(host)

    def look() -> tuple[bool | None, str]:
        # Right after it got the key, it is active but not yet connected to the others.
        seen = engine.facts().membership
        return (True if seen.is_manager else None), f"{seen.state} {seen.error}".strip()

    try:
        what, tell = f"{host} to be back in its swarm", progress(ports)
        wait_until(ports.clock, look, what=what, timeout=UNLOCK_LIMIT, every=0.2, tell=tell)
    except ConvergenceError as error:
        return Unlocked(host=host, answer=Answer.FAILED, detail=f"the key is right; {error.message}")
    return Unlocked(host=host, answer=Answer.UNLOCKED)


def _result(host: str, one: Unlocked | HostError) -> Unlocked:
    if isinstance(one, Unlocked):
        return one
    return Unlocked(host=host, answer=Answer.FAILED, detail=one.message)
