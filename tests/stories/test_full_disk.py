"""One host's disk is full: the others go on, it is named with what to do, and afterwards the cluster converges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Fault
from swarmnet.lab.image import make_image
from tests.support.commands import Operator, docker
from tests.support.docker_view import running
from tests.support.waiting import soon

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab
IMAGE = "full:1"
FULL = Fault(host="m2", kind="disk")
STEPS = (
    "swarm: {}",
    "network: {name: local, driver: bridge, subnets: [{subnet: 172.29.0.0/24}]}",
    f"service: {{name: everywhere, image: '{IMAGE}', mode: global, stop_grace_period: 1s}}",
)


def test_a_full_disk_is_named_and_everything_converges_when_there_is_room_again(lab: Lab, tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    inventory = operator.writes_inventory(lab, {one: {"role": "manager"} for one in ("m1", "m2", "m3")})
    make_image(lab, IMAGE)
    operator.types("apply", operator.writes_playbook(*STEPS[:1]), "-i", inventory, "--yes")
    apply = ("apply", operator.writes_playbook(*STEPS), "-i", inventory, "--yes")
    lab.break_(FULL)

    said = operator.types(*apply, exits=1)
    assert "failed: network local on m2: m2: create network local" in said
    assert "no space left on device" in said
    assert "hint: free some room on that host" in said
    assert "not started: service everywhere" in said
    assert docker(lab, "m3", "network", "ls", "-q", "--filter", "name=local") != ""

    # Engines that failed late keep a half-made bridge in memory, which no list shows.
    lab.heal(FULL)
    said = operator.types(*apply, exits=(0, 1))
    if "a second plan is empty" not in said:
        assert "left by a request that failed" in said
        assert "hint: restart Docker on m2" in said
        stopped = Fault(host="m2", kind="engine")
        lab.break_(stopped)
        lab.heal(stopped)
        assert "a second plan is empty" in operator.types(*apply)
    assert soon(lambda: running(lab, "m1", "everywhere") == ["m1", "m2", "m3"]), running(lab, "m1", "everywhere")
