"""Clocks that differ, and certificates that are over: judged by a certificate that an engine gave to its node."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.verify.scenario import Answer, Answers
from swarmnet.verify.scenarios.control.nodes import NodesReady
from swarmnet.verify.scenarios.hosts.clocks import NODE, Clocks
from tests.support.small_swarm import HOSTS, NOW, bad, observed, roots, swarm

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject

CERTIFICATE = Path(__file__).with_name("node.crt").read_text(encoding="ascii")
"""From 2026-11-28 14:44 to 2027-02-26 15:44, as engine 26.1 made it: an hour before, and 90 days."""
DAY = 86400.0


def clocks(**ahead: float) -> Answers:
    """Return what hosts say whose clocks are ahead by seconds, each with the same certificate."""
    odd: dict[str, JsonObject] = {host: {"time": NOW + by} for host, by in ahead.items()}
    return observed(swarm(), (), **odd) | {
        (host, NODE.name): Answer({"exit": 0, "stdout": CERTIFICATE, "stderr": ""}) for host in HOSTS
    }


def test_clocks_that_agree_and_certificates_that_hold_are_one_ok() -> None:
    (verdict,) = Clocks().judge(swarm(), clocks(w2=4.0, w3=-9.0)).verdicts
    assert verdict.status is Status.OK


@pytest.mark.parametrize(
    ("by", "status", "words"),
    [
        (90.0, Status.WARNING, "the clock of w3 is 90 seconds ahead of that of w1"),
        (-7200.0, Status.FAILED, "the clock of w3 is 2 hours behind that of w1: other nodes do not take"),
    ],
)
def test_a_clock_that_is_off_is_named_with_its_host(by: float, status: Status, words: str) -> None:
    """F61."""
    found = bad(swarm(), [Clocks()], clocks(w3=by))
    assert (found[0].cause, found[0].status) == ("clock", status)
    assert found[0].detail.startswith(words)
    assert roots(found) == ["clock"]


def test_a_clock_that_is_off_is_why_a_certificate_is_over_and_the_node_down() -> None:
    setup = swarm(w3="down")
    found = bad(setup, [NodesReady(), Clocks()], clocks(w3=120 * DAY))
    assert {(str(one.cause), len(one.because_of)) for one in found[1:]} == {("certificate", 1), ("node-down", 1)}
    assert (found[0].cause, roots(found)) == ("clock", ["clock"])


@pytest.mark.parametrize(
    ("later", "status", "words"),
    [
        (82 * DAY, Status.WARNING, "the certificate of w1 ends in 8 days (2027-02-26 15:44 UTC), and was not renewed"),
        (95 * DAY, Status.FAILED, "the certificate of w1 is over since 2027-02-26 15:44 UTC"),
        (-2 * DAY, Status.FAILED, "the certificate of w1 begins only on 2026-11-28 14:44 UTC"),
    ],
)
def test_a_certificate_that_no_one_renewed_is_named(later: float, status: Status, words: str) -> None:
    """F61."""
    found = bad(swarm(), [Clocks()], clocks(w1=later, w2=later, w3=later))
    assert {(one.cause, one.status) for one in found} == {("certificate", status)}
    assert any(one.detail.startswith(words) for one in found)


def test_a_certificate_that_cannot_be_read_proves_nothing() -> None:
    said = clocks() | {("w2", NODE.name): Answer({"exit": 1, "stdout": "", "stderr": "no such file"})}
    said |= {("w3", NODE.name): Answer({"exit": 0, "stdout": "not a certificate", "stderr": ""})}
    assert bad(swarm(), [Clocks()], said) == []
