"""Options of `lab break` are read in the units that people write; what cannot be is refused before any lab is open."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from swarmnet.cli.commands.lab.lab import app
from swarmnet.errors import UsageError


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["netem", "--delay", "soon"], "--delay 'soon' is no such measure"),
        (["netem", "--delay", "-5ms"], "--delay '-5ms'"),
        (["netem", "--loss", "half"], "--loss 'half'"),
        (["netem", "--rate", "10"], "--rate '10'"),
        (["clock", "--by", "2 weeks"], "--by '2 weeks'"),
        (["second", "--subnet", "198.18.0.1/24"], "--subnet 198.18.0.1/24: 198.18.0.1/24 has host bits set"),
    ],
)
def test_a_measure_that_nobody_can_read_is_refused(words: list[str], complaint: str) -> None:
    done = CliRunner().invoke(app, ["break", "m1", *words])

    assert isinstance(done.exception, UsageError)
    assert complaint in done.exception.message


@pytest.mark.parametrize("words", [[], ["m1", "--all"], ["m1", "--to", "m2"]])
def test_heal_wants_one_host_or_all_of_them(words: list[str]) -> None:
    done = CliRunner().invoke(app, ["heal", *words])

    assert isinstance(done.exception, UsageError)
