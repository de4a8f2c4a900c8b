"""Options of `lab break` are read in the units that people write; what cannot be is refused before any lab is open."""

from __future__ import annotations

import pytest
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from swarmnet.cli.commands.lab.lab import app_for
from swarmnet.errors import UsageError
from swarmnet.lab.faults import FAMILIES

APP = app_for(["lab"])


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["netem", "--delay", "soon"], "--delay 'soon' is not a valid TIME"),
        (["netem", "--delay", "-5ms"], "--delay '-5ms'"),
        (["netem", "--loss", "half"], "--loss 'half'"),
        (["netem", "--rate", "10"], "--rate '10'"),
        (["clock", "--by", "2 weeks"], "--by '2 weeks'"),
        (["second", "--subnet", "198.18.0.1/24"], "--subnet '198.18.0.1/24' is not a valid CIDR"),
    ],
)
def test_a_measure_that_cannot_be_read_is_refused(words: list[str], complaint: str) -> None:
    done = CliRunner().invoke(APP, ["break", "m1", *words])

    assert isinstance(done.exception, UsageError)
    assert complaint in done.exception.message


@pytest.mark.parametrize("words", [[], ["m1", "--all"], ["m1", "--to", "m2"]])
def test_heal_wants_one_host_or_all_of_them(words: list[str]) -> None:
    done = CliRunner().invoke(APP, ["heal", *words])

    assert isinstance(done.exception, UsageError)


def test_heal_names_the_flags_that_need_a_kind() -> None:
    done = CliRunner().invoke(APP, ["heal", "m1", "--to", "m2", "--proto", "udp"])

    assert isinstance(done.exception, UsageError)
    assert "--to and --proto" in done.exception.message


def test_every_option_of_every_kind_is_an_option_of_break_and_names_its_kinds() -> None:
    lab = get_command(APP)
    assert isinstance(lab, TyperGroup)
    helps = {flag: str(vars(one).get("help")) for one in lab.commands["break"].params for flag in one.opts}

    for kind, family in FAMILIES.items():
        for option in family.declared():
            assert kind in helps[option.flag], option.flag
