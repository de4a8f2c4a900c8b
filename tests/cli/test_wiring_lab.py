"""What holds between the words of the command line and the engines, on real ones."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Fault
from tests.support.commands import Operator

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab
PATIENCE = 10
LONGER_THAN_DEFAULT = 12
"""Seconds for a connection; without the option they are 5, and 10 in other commands."""
WITHOUT = 60
"""Seconds that an engine gets for an answer by default."""


def test_a_time_out_bounds_the_wait_for_an_engine_that_holds_its_socket_and_never_answers(
    healed_lab: Lab, tmp_path: Path
) -> None:
    operator = Operator(tmp_path)
    healed_lab.break_(Fault(host="m2", kind="freeze"))
    begun = time.monotonic()

    said = operator.types("status", "-i", str(healed_lab.inventory), "--timeout", str(PATIENCE), exits=(0, 3))

    assert "m2: the engine did not answer in time" in said
    assert f"(waited {PATIENCE} s)" in said
    assert time.monotonic() - begun < WITHOUT - 5
    healed_lab.heal_all()


def test_status_says_which_part_of_a_host_gives_no_answer_and_how_long_it_waited(
    healed_lab: Lab, tmp_path: Path
) -> None:
    operator = Operator(tmp_path)
    words = ("status", "-i", str(healed_lab.inventory))

    healed_lab.break_(Fault(host="m2", kind="link"))
    quick, patient = (
        operator.asks(*words, *more, exits=3)["failures"] for more in ((), ("--timeout", str(LONGER_THAN_DEFAULT)))
    )
    said = operator.types(*words, exits=3)
    healed_lab.heal_all()
    healed_lab.break_(Fault(host="m2", kind="engine"))
    stopped = operator.asks(*words, exits=3)["failures"]
    healed_lab.heal_all()

    assert [(one["host"], one["part"]) for one in (*quick, *patient, *stopped)] == [
        ("m2", "ssh"),
        ("m2", "ssh"),
        ("m2", "engine"),
    ]
    assert [one["waited"] for one in (*quick, *stopped)] in ([5, None], [None, None])  # no route, where ARP is faster
    assert "the host is down" in said
    if quick[0]["waited"]:
        assert patient[0]["waited"] == LONGER_THAN_DEFAULT
        assert "m2 may only be busy: --timeout 30 waits longer than 5 s" in said
