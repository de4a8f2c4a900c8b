"""A swarm of others whose overlays have addresses of their own: healthy, encrypted, and with one that none reaches.

No engine encrypts between such addresses (moby#41421).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Lab, LabSpec
from swarmnet.model.report import Status
from swarmnet.verify.scenarios import ALL
from swarmnet.verify.story import VerifyOptions
from tests.support.commands import Operator, docker
from tests.support.labs import fresh_name
from tests.support.live_verify import inventory, run
from tests.support.waiting import soon

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.model.report import Verdict

STORAGE = {host: f"10.77.0.{number}" for number, host in enumerate(("m1", "w1", "w2"), 1)}
"""A second network between the hosts, on the same cards."""
NOWHERE = "10.78.0.3"


def joins(lab: Lab, host: str, data_path: str) -> None:
    """Let a host join by the docker CLI, as a worker."""
    token = docker(lab, "m1", "swarm", "join-token", "-q", "worker").strip()
    address = {one.name: one.address for one in inventory(lab).hosts}
    own = ("--advertise-addr", address[host], "--data-path-addr", data_path)
    docker(lab, host, "swarm", "join", "--token", token, *own, f"{address['m1']}:2377")


def of_docker_user(lab: Lab, directory: Path) -> str:
    """Return an inventory by which a user logs in who may use Docker's socket, and no sudo."""
    makes = "useradd -m -s /bin/bash -G docker ops; cp -r /root/.ssh /home/ops/; chown -R ops /home/ops/.ssh"
    for host in STORAGE:
        assert lab.exec(host, ["sh", "-c", makes]).exit_code == 0
    path = directory / "ops.yml"
    path.write_text(lab.inventory.read_text(encoding="utf-8").replace("user: root", "user: ops"), encoding="utf-8")
    return str(path)


def causes(operator: Operator, command: str, inventory_of: str, status: Status) -> dict[str, object]:
    """Return the causes that a command finds with this status, and follow from no other, with their hosts."""
    found = operator.asks(command, "-i", inventory_of, exits=(0, 1, 3))["verdicts"]
    mine = [one for one in found if one["status"] == status and not one["because_of"]]
    return {one["cause"]: one["evidence"].get("hosts") for one in mine}


def failures(lab: Lab) -> list[Verdict]:
    found = run(lab, VerifyOptions(tuple(ALL))).verdicts
    return [one for one in found if one.status is Status.FAILED]


def roots(found: list[Verdict]) -> list[Verdict]:
    return [one for one in found if not one.because_of]


@pytest.mark.lab
@pytest.mark.timeout(1800)
def test_data_path_addresses_that_no_inventory_names_are_found_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    engines = ("26.1", "20.10", "28.5")
    with Lab.up(LabSpec(name=fresh_name(), hosts=3, managers=1, engines=engines, kernels=("own",))) as lab:
        for host, address in STORAGE.items():
            lab.exec(host, ["ip", "address", "add", f"{address}/24", "dev", "eth0"])
        own = {one.name: one.address for one in inventory(lab).hosts}
        docker(lab, "m1", "swarm", "init", "--advertise-addr", own["m1"], "--data-path-addr", STORAGE["m1"])
        for host in ("w1", "w2"):
            joins(lab, host, STORAGE[host])
        docker(lab, "m1", "network", "create", "-d", "overlay", "--attachable", "plain")
        assert failures(lab) == []
        ops, operator = of_docker_user(lab, tmp_path), Operator(tmp_path)
        assert causes(operator, "verify", ops, Status.FAILED) == {}

        docker(lab, "m1", "network", "create", "-d", "overlay", "--attachable", "--opt", "encrypted", "vault")
        found = roots(failures(lab))
        assert [one.cause for one in found] == ["ipsec-source"], found
        assert found[0].evidence["hosts"] == ["m1", "w1", "w2"]
        assert causes(operator, "verify", ops, Status.FAILED) == {"ipsec-source": ["m1", "w1", "w2"]}
        docker(lab, "m1", "network", "rm", "vault")

        last = "w2"
        lab.exec(last, ["ip", "link", "add", "stor0", "type", "dummy"])
        lab.exec(last, ["ip", "address", "add", f"{NOWHERE}/24", "dev", "stor0"])
        lab.exec(last, ["ip", "link", "set", "stor0", "up"])
        docker(lab, last, "swarm", "leave")
        assert soon(lambda: "Down" in docker(lab, "m1", "node", "ls"))
        docker(lab, "m1", "node", "rm", docker(lab, "m1", "node", "ls", "-q", "--filter", f"name={last}").strip())
        joins(lab, last, NOWHERE)
        assert soon(lambda: "Down" not in docker(lab, "m1", "node", "ls"))
        found = failures(lab)
        (root,) = roots(found)
        assert (root.cause, root.evidence["hosts"]) == ("data-path-address", [last]), found
        assert NOWHERE in root.detail
        assert "matrix" in {one.scenario for one in found if one.because_of}
