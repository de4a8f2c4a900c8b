"""Every probe, where a peer, its program or the prober rarely has a turn: what is healthy passes, nothing else does.

The peers, and what lies between, are real ones in network namespaces (:mod:`tests.support.busy_path`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support import busy_path
from tests.support.busy_path import HERE, PEERS, PROBER, Busy, address

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.lab  # it needs root and Linux
Answer = dict[str, Any]
TARGETS: Final = {str(number): address(number) for number in PEERS}
ME: Final = {"from": "me"}
MARKER, CLOSED = "c0ffeec0ffeec0ffee", 9999
FLOWS, BURST, WHOLE = 64, 50, 1450


def to(port: int, protocol: str = "tcp", **more: object) -> Answer:
    return {
        label: {"name": one, "port": port, "protocol": protocol, **more, "address": one}
        for label, one in TARGETS.items()
    }


def doors(port: int, protocol: str) -> Answer:
    return {label: [one, port, protocol] for label, one in TARGETS.items()}


@dataclass(frozen=True)
class Kind:
    """A task of the prober, and what its outcome of one peer is where nothing is broken."""

    task: Answer
    is_fine: Callable[[Answer], bool]


def is_ok(outcome: Answer) -> bool:
    return bool(outcome["ok"])


def is_open(outcome: Answer) -> bool:
    return bool(outcome["seen"] == "open")


KINDS: Final = {
    "icmp": Kind({"kind": "icmp", "targets": TARGETS}, is_ok),
    "udp": Kind({"kind": "udp", "targets": TARGETS, "network": "udp", **ME}, is_ok),
    "who": Kind({"kind": "who", "targets": TARGETS}, is_ok),
    "tcp": Kind({"kind": "tcp", "targets": TARGETS, "limit": 20.0}, is_ok),
    "sizes": Kind({"kind": "sizes", "targets": TARGETS, "size": WHOLE}, is_ok),
    "flows": Kind(
        {"kind": "flows", "targets": TARGETS, "count": FLOWS, "network": "flows", **ME}, lambda o: not o["lost"]
    ),
    "loss": Kind(
        {"kind": "loss", "targets": TARGETS, "count": BURST, "spacing": 0.02, "network": "loss", **ME},
        lambda o: o["sent"] == o["came"] > 0,
    ),
    "echoes": Kind(
        {"kind": "echoes", "targets": TARGETS, "few": 20, "many": BURST, "spacing": 0.02, "least": 0.01},
        lambda o: o["sent"] == o["came"] > 0,
    ),
    "knock-tcp": Kind({"kind": "knock", "targets": doors(0, "tcp"), "expected": [], "times": 20}, is_ok),
    "knock-udp": Kind({"kind": "knock", "targets": doors(0, "udp"), "expected": [], "times": 20}, is_ok),
    "knock-once": Kind({"kind": "knock", "targets": doors(80, "open"), "times": 0}, is_ok),
    "open": Kind({"kind": "open", "targets": to(80)}, is_open),
    "says": Kind(
        {"kind": "open", "targets": to(80, patient=True, say={"http": "/", "named": "web", "within": 2.0})}, is_open
    ),
    "names": Kind({"kind": "open", "targets": to(53, "udp", patient=True, say={"dns": "a.b", "within": 2.0})}, is_open),
    "http": Kind({"kind": "http", "targets": {one: f"{at}:80" for one, at in TARGETS.items()}, "times": 2}, is_ok),
}
SENT: Final[dict[str, Answer]] = {
    "throw": {
        "kind": "throw",
        "data": 4789,
        "targets": to(7946, "udp") | {f"esp{label}": {**one, "protocol": "esp"} for label, one in to(0).items()},
        **ME,
    },
    "marked": {"kind": "open", "targets": to(CLOSED, "udp", marker=MARKER)},
    "mark": {"kind": "mark", "targets": TARGETS, "network": "mark", "marker": "m", "count": 3, **ME},
}
"""What is judged by what the peers saw of it."""
AWAITED: Final = [[kind, "me", address(PROBER)] for kind in ("udp/7946", "esp")]


def asked(tasks: dict[str, Answer]) -> list[Any]:
    return [[HERE, {"key": key, **task}] for key, task in tasks.items()]


def of_peers(key: str, **task: object) -> list[Any]:
    return [[number, {"key": key, **task}] for number in PEERS]


def reported(busy: Busy, broken: str, kinds: tuple[str, ...] = (*KINDS, *SENT)) -> Answer:
    """Return what all answered, and how long the rounds took."""
    job = {
        "busy": busy,
        "broken": broken,
        "rounds": [
            [
                *of_peers("watch", kind="watch", name="w", tcp=[], udp=[7946, 4789], data=4789),
                *of_peers("count", kind="capture", name="c", devices=["*"], port=0, needles={"m": MARKER}, seconds=90),
            ],
            asked({key: one.task for key, one in KINDS.items() if key in kinds}),
            asked({key: task for key, task in SENT.items() if key in kinds}),
            [
                *of_peers("watched", kind="watched", name="w", behind=True, **{"await": AWAITED}),
                *of_peers("counted", kind="collect", name="c", **{"await": ["m"] if "marked" in kinds else []}),
                *of_peers("heard", kind="heard", **{"await": {"mark": ["me"]} if "mark" in kinds else {}}),
            ],
        ],
    }
    argv = ["unshare", "-n", sys.executable, "-m", busy_path.__name__]
    done = subprocess.run(argv, input=json.dumps(job), check=True, capture_output=True, text=True)
    found: Answer = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("busy", [Busy.HOST, Busy.SERVER, Busy.PROBER])
def test_who_rarely_has_a_turn_is_healthy(busy: Busy) -> None:
    found = reported(busy, "nothing", (*KINDS,))["answers"][1][HERE]
    bad = {
        (key, label): outcome
        for key, kind in KINDS.items()
        for label, outcome in found[key]["targets"].items()
        if not kind.is_fine(outcome)
    }
    assert bad == {}


@pytest.mark.parametrize("busy", [Busy.HOST, Busy.SERVER, Busy.PROBER])
def test_what_was_sent_to_who_rarely_has_a_turn_is_seen_where_it_arrives(busy: Busy) -> None:
    last = reported(busy, "nothing", (*SENT,))["answers"][3]
    for number in PEERS:
        seen = last[str(number)]
        assert {*seen["watched"]["heard"]} >= {"udp/7946", "esp"}
        assert "me" in seen["heard"]["heard"]["mark"]
        assert seen["counted"]["received"]["clear"]["m"] > 0


@pytest.mark.parametrize("busy", [Busy.NONE, Busy.HOST])
def test_flows_that_one_of_several_paths_loses_are_found(busy: Busy) -> None:
    found = reported(busy, "flows", ("flows",))
    assert all(
        0 < one["lost"] < FLOWS and one["proved"] for one in found["answers"][1][HERE]["flows"]["targets"].values()
    )


@pytest.mark.parametrize("busy", [Busy.NONE, Busy.HOST])
@pytest.mark.parametrize(("broken", "kind"), [("third", "loss"), ("echoes", "echoes")])
def test_what_a_line_loses_is_counted(busy: Busy, broken: str, kind: str) -> None:
    found = reported(busy, broken, (kind,))
    outcomes = found["answers"][1][HERE][kind]["targets"].values()
    assert all(0 < one["came"] < one["sent"] == BURST for one in outcomes)


def test_a_path_that_carries_nothing_is_found_in_the_time_of_a_round() -> None:
    found = reported(Busy.NONE, "all")
    for key, kind in KINDS.items():
        outcomes = found["answers"][1][HERE][key]["targets"]
        assert len(outcomes) == len(PEERS)
        assert not any(kind.is_fine(one) for one in outcomes.values()), key
    assert all(not seen["watched"]["heard"] and not seen["heard"]["heard"] for seen in found["answers"][3].values())
    assert found["seconds"][1] < 30
    assert found["seconds"][3] < 15


def test_one_kind_of_packet_that_is_lost_is_found_by_the_other_without_waiting() -> None:
    found = reported(Busy.NONE, "udp", ("throw",))
    assert all({*seen["watched"]["heard"]} == {"esp"} for seen in found["answers"][3].values())
    assert found["seconds"][3] < 3
