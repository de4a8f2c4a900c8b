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
    assert time.monotonic() - begun < WITHOUT - 5
    healed_lab.heal_all()
