"""What commands that change nothing show of a lock."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from swarmnet.model.lock import STALE, Claim, Holder, Operator
from swarmnet.report.terminal.lock import lock_lines
from tests.support.reports import locks_json

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def someone(machine: str = "laptop") -> Operator:
    return Operator(user="ann", machine=machine, pid=4711, is_alive=lambda _pid: False, token="s" * 12)


def lock(machine: str, age: float) -> Holder:
    claim = Claim.of(someone(machine), cluster="c", command="apply \x1b[2J", since=NOW)
    return Holder(place="m1", claim=claim, identity="1", version="1", age=age)


@pytest.mark.parametrize(
    ("holder", "pulse", "words"),
    [
        (lock("laptop", 1), "gone", "that run is gone: the next apply removes it"),
        (lock("elsewhere", 1), "alive", "may be changing the cluster now"),
        (lock("elsewhere", STALE), "silent", "watches it for a moment, then removes it"),
        (Holder(place="m1", claim=None, identity="1", version="1", age=None), "silent", "an unreadable lock in m1"),
    ],
    ids=["of a dead process of this machine", "of another machine", "without a heartbeat", "unreadable"],
)
def test_a_lock_tells_what_becomes_of_it(holder: Holder, pulse: str, words: str) -> None:
    (line,) = lock_lines([holder], someone())
    (reported,) = json.loads(json.dumps(locks_json([holder], someone()), allow_nan=False))

    assert words in line
    assert "\x1b" not in line
    assert reported["pulse"] == pulse
    assert "s" * 12 not in str(reported)
