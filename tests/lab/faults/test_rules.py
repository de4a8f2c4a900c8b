from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Fault
from swarmnet.lab.image import make_image
from tests.support.waiting import soon

if TYPE_CHECKING:
    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab


@pytest.fixture
def way_out(broken: Lab) -> list[str]:
    """What pings the next host from a container: its way needs the engine's rules."""
    make_image(broken, "rules:1")
    out = ["ping", "-c", "1", "-W", "1", str(broken.host("m2").address)]
    return ["docker", "run", "--rm", "rules:1", *out]


def test_flushed_rules_shut_containers_in_until_exactly_these_rules_are_back(broken: Lab, way_out: list[str]) -> None:
    before = rules(broken)
    assert soon(lambda: broken.exec("m1", way_out).exit_code == 0)

    broken.break_(Fault(host="m1", kind="rules"))

    assert not any(line.startswith("-A") for line in rules(broken))
    assert broken.exec("m1", way_out).exit_code != 0
    broken.heal(Fault(host="m1", kind="rules"))
    assert rules(broken) == before
    assert soon(lambda: broken.exec("m1", way_out).exit_code == 0)


def test_one_table_can_be_flushed_alone(broken: Lab) -> None:
    broken.break_(Fault(host="m1", kind="rules", options={"table": "nat"}))

    left = {table for table in ("nat", "filter") if "-A" in broken.exec("m1", ["iptables", "-S", "-t", table]).stdout}

    assert left == {"filter"}


def test_rules_that_the_engine_made_again_are_no_longer_listed_as_flushed(broken: Lab) -> None:
    broken.break_(Fault(host="m1", kind="rules"))
    broken.break_(Fault(host="m1", kind="engine"))
    assert broken.status().broken == ("m1: firewall rules flushed", "m1: engine stopped")

    broken.heal(Fault(host="m1", kind="engine"))

    assert broken.status().broken == ()
    assert any("MASQUERADE" in rule for rule in rules(broken))


def rules(lab: Lab) -> list[str]:
    saved = lab.exec("m1", ["iptables-save"]).stdout.splitlines()
    return sorted(line.split(" [")[0] for line in saved if not line.startswith("#"))
