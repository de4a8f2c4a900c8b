"""Every example on real engines: green, red with exactly the right lines after each of three breakages, green again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Lab, LabSpec
from swarmnet.lab.image import make_image
from tests.support.breakages import BREAKAGES, SHOWN_ON
from tests.support.commands import Operator
from tests.support.labs import fresh_name
from tests.support.shown_examples import FOLDER, Shown, said_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.lab, pytest.mark.timeout(2400)]
HOSTS = ("m1", "m2", "m3")
ROWS = tuple((engines, name) for engines, names in SHOWN_ON.items() for name in names)


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Three hosts with own kernels: virtual addresses and encrypted overlays need IPVS and ESP."""
    engines = tuple(request.param.split())
    with Lab.up(LabSpec(name=fresh_name(), hosts=3, engines=engines, kernels=("own",))) as lab:
        make_image(lab, "demo:1")
        yield lab


@pytest.fixture
def operator(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    operator = Operator(tmp_path_factory.mktemp("operator"))
    inventory = operator.writes_inventory(lab, {host: said_of(lab, at) for at, host in enumerate(HOSTS, 1)})
    operator.types("apply", str(FOLDER / "bootstrap.yml"), "-i", inventory, "--yes")
    return operator


@pytest.mark.parametrize(("lab", "name"), ROWS, indirect=["lab"])
def test_its_table_is_red_with_the_right_lines(lab: Lab, operator: Operator, name: str) -> None:
    shown = Shown(lab, operator, "hosts.yml", name)
    try:
        shown.applied()
        shown.broken_and_repaired(BREAKAGES[name])
    finally:
        shown.removed()
