from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import LabError
from swarmnet.lab import Fault
from swarmnet.lab.image import make_image
from tests.support.commands import attach
from tests.support.waiting import soon

if TYPE_CHECKING:
    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab

PING = ["docker", "exec", "on-m1", "ping", "-c", "1", "-W", "1", "on-m2"]


@pytest.fixture
def overlay(lab: Lab) -> str:
    """A swarm of m1 and m2, and an overlay with a container on each: ``on-m1`` and ``on-m2``."""
    make_image(lab, "fdb:1")
    address = str(lab.host("m1").address)
    said(lab, "m1", "docker", "swarm", "init", "--advertise-addr", address)
    token = said(lab, "m1", "docker", "swarm", "join-token", "-q", "worker").strip()
    said(lab, "m2", "docker", "swarm", "join", "--token", token, f"{address}:2377")
    said(lab, "m1", "docker", "network", "create", "--driver", "overlay", "--attachable", "front")
    for host in ("m1", "m2"):
        attach(lab, host, f"on-{host}", network="front", image="fdb:1")
    return "front"


def test_without_forwarding_entry_frames_to_one_peer_are_lost_until_it_is_back(lab: Lab, overlay: str) -> None:
    fault = Fault(host="m1", kind="fdb", options={"network": overlay, "to": "m2"})
    wait_for_ping(lab)
    before = entries(lab)
    assert before

    lab.break_(fault)

    assert entries(lab) == []
    assert lab.exec("m1", PING).exit_code != 0
    assert lab.status().broken == ("m1: no forwarding entry leads to m2 in network front",)
    lab.heal(Fault(host="m1", kind="fdb"))
    assert entries(lab) == before
    wait_for_ping(lab)
    with pytest.raises(LabError, match="no container of front"):
        lab.break_(Fault(host="m1", kind="fdb", options={"network": overlay, "to": "m3"}))
    with pytest.raises(LabError, match="ghost"):
        lab.break_(Fault(host="m1", kind="fdb", options={"network": "ghost", "to": "m2"}))
    assert lab.status().broken == ()


def wait_for_ping(lab: Lab) -> None:
    assert soon(lambda: lab.exec("m1", PING).exit_code == 0)


def entries(lab: Lab) -> list[str]:
    # The ingress network's namespace is called 1-…, too.
    show = """id=$(docker network inspect -f '{{.Id}}' front | cut -c1-10)
    nsenter --net=$(ls /run/docker/netns/1-$id) bridge fdb show | grep "dst $1" """
    return sorted(lab.exec("m1", ["sh", "-c", show, "show", str(lab.host("m2").address)]).stdout.splitlines())


def said(lab: Lab, host: str, *argv: str) -> str:
    done = lab.exec(host, argv)
    assert done.exit_code == 0, done.last_words()
    return done.stdout
