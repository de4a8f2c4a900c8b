"""Every playbook that is shipped runs on real engines and leaves what it says; ``site.yml`` runs with the README."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from swarmnet.lab.image import make_image
from tests.support.commands import Operator, docker

if TYPE_CHECKING:
    from swarmnet.lab import Lab

FOLDER = Path(__file__).parent.parent / "playbooks"
IN_ORDER = ("bootstrap", "overlays", "services", "verify")
"""Each needs those before it, as its first lines say."""
IMAGE = "demo:1"


def test_none_is_shipped_that_no_test_runs() -> None:
    assert {path.stem for path in FOLDER.glob("*.yml")} == {*IN_ORDER, "site"}


@pytest.mark.lab
def test_each_runs_in_its_order_and_a_second_plan_is_empty(lab: Lab, tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    parts = {"m1": "manager", "m2": "worker", "m3": "worker"}
    inventory = operator.writes_inventory(lab, {host: {"role": role} for host, role in parts.items()})
    make_image(lab, IMAGE)

    for name in IN_ORDER:
        playbook = str(FOLDER / f"{name}.yml")
        operator.types("apply", playbook, "-i", inventory, "--yes")
        operator.types("plan", playbook, "-i", inventory, "--check")

    networks = docker(lab, "m1", "network", "ls", "--format", "{{.Name}}", "--filter", "driver=overlay").split()
    assert set(networks) == {"ingress", "front", "vault", "back", "proof"}
    services = docker(lab, "m1", "service", "ls", "--format", "{{.Name}} {{.Replicas}}").splitlines()
    assert sorted(services) == ["agent 3/3", "web 2/2"]
    assert "network proof" in operator.types("verify", str(FOLDER / "verify.yml"), "-i", inventory, "--only", "icmp")
