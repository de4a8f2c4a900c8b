"""Every example on real engines: green, red with exactly the right lines after each of three breakages, green again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Lab, LabSpec
from swarmnet.lab.image import make_image
from tests.support.breakages import BREAKAGES
from tests.support.commands import Operator
from tests.support.labs import fresh_name
from tests.support.shown_examples import FOLDER, Shown

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.lab, pytest.mark.timeout(2400)]
HOSTS = ("m1", "m2", "m3")


@pytest.fixture(scope="module", params=[("26.1",), ("26.1", "20.10", "28.5")], ids=" ".join)
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Three hosts with own kernels: virtual addresses and encrypted overlays need IPVS and ESP."""
    with Lab.up(LabSpec(name=fresh_name(), hosts=3, engines=request.param, kernels=("own",))) as lab:
        make_image(lab, "demo:1")
        yield lab


@pytest.fixture
def operator(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    operator = Operator(tmp_path_factory.mktemp("operator"))
    inventory = operator.writes_inventory(
        lab, {host: {"role": "manager", "labels": {"zone": f"zone{at}"}} for at, host in enumerate(HOSTS, 1)}
    )
    operator.types("apply", str(FOLDER / "bootstrap.yml"), "-i", inventory, "--yes")
    return operator


@pytest.mark.parametrize("name", BREAKAGES)
def test_its_table_is_red_with_the_right_lines(lab: Lab, operator: Operator, name: str) -> None:
    shown = Shown(lab, operator, "hosts.yml", name)
    try:
        shown.applied()
        shown.broken_and_repaired(BREAKAGES[name])
    finally:
        shown.removed()
