"""``verify`` as typed on real engines: where its probe comes from, what it tests, and that no trace of it stays."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import docker as engine_client
import pytest

from swarmnet.edge.operator.probe_image import build
from swarmnet.lab import Fault
from tests.support.certificates import Authority
from tests.support.commands import LIMIT, Operator, docker
from tests.support.registry import forwarded_engine, running_registry, trust_registry
from tests.support.waiting import soon

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab
HOSTS = ("m1", "m2", "m3")
VERIFY = ("verify", "-i", "hosts.yml", "--no-keep")
QUICK = ("--only", "icmp")


@pytest.fixture
def operator(lab: Lab, tmp_path: Path) -> Operator:
    """One swarm of three managers with two attachable overlays."""
    operator = Operator(tmp_path)
    operator.writes_inventory(lab, {one: {"role": "manager"} for one in HOSTS})
    overlays = [f"network: {{name: {name}, attachable: true}}" for name in ("front", "back")]
    operator.types("apply", operator.writes_playbook("swarm: {}", *overlays), "-i", "hosts.yml", "--yes")
    return operator


def traces(lab: Lab) -> dict[str, list[str]]:
    """Return every container, image, volume and network of each host, with the addresses in use, and the services."""
    lists = (("ps", "-aq"), ("images", "-q"), ("volume", "ls", "-q"), ("network", "ls", "--format", "{{.Name}}"))
    found = {
        host: sorted(line for words in lists for line in docker(lab, host, *words).split() if line != "docker_gwbridge")
        for host in HOSTS
    }
    return {**found, "services": docker(lab, "m1", "service", "ls", "-q").split()}


def test_it_tests_what_the_options_choose_and_leaves_nothing(lab: Lab, operator: Operator) -> None:
    before = traces(lab)

    chosen = operator.asks(*VERIFY, "--network", "back", "--limit", "m1,m2", "--only", "icmp", "--only", "udp")
    assert (chosen["networks"], chosen["hosts"]) == (["back"], ["m1", "m2"])
    assert {matrix["scenario"] for matrix in chosen["matrices"]} == {"icmp", "udp"}
    skipped = operator.asks(*VERIFY, *QUICK, "--only", "udp", "--skip", "udp")
    assert skipped["networks"] == ["back", "front"]
    assert {matrix["scenario"] for matrix in skipped["matrices"]} == {"icmp"}
    operator.types(*VERIFY, "--network", "nosuch", exits=2)

    assert soon(lambda: traces(lab) == before), (before, traces(lab))


def test_a_link_that_loses_large_packets_is_one_cause_with_its_size_and_what_stalls_follows(
    lab: Lab, tmp_path: Path
) -> None:
    operator = Operator(tmp_path)
    operator.writes_inventory(lab, {one: {"role": "manager" if one == "m1" else "worker"} for one in HOSTS})
    play = operator.writes_playbook("swarm: {}", "network: {name: front, attachable: true}")
    operator.types("apply", play, "-i", "hosts.yml", "--yes")
    lab.break_(Fault(host="m3", kind="mtu", options={"mtu": 1400}))

    # Its orders from the manager are large packets, too: no probe starts there, however long one waits.
    words = ("--timeout", "20", "--only", "nodes", "--only", "tcp", "--only", "underlay-mtu")
    found = operator.asks(*VERIFY, "--network", "front", *words, exits=1)["verdicts"]

    (link,) = [one for one in found if one["status"] == "failed" and not one["because_of"]]
    assert (link["scenario"], link["subject"], link["evidence"]["largest"]) == ("underlay-mtu", "link of m3", 1400)
    assert {one["scenario"] for one in found if one["because_of"]} >= {"probe"}, found
    lab.heal_all()
    operator.types(*VERIFY, "--network", "front", "--only", "tcp", "--only", "underlay-mtu")


def test_its_probe_comes_from_an_archive_or_by_digest_from_a_registry(lab: Lab, operator: Operator) -> None:
    before = traces(lab)
    (operator.directory / "probe.tar.gz").write_bytes(build())
    operator.types(*VERIFY, *QUICK, "--probe-archive", "probe.tar.gz")
    assert soon(lambda: traces(lab) == before), (before, traces(lab))

    address = str(lab.host("registry").address)
    authority = Authority.new()
    with (
        forwarded_engine(
            address, key=lab.directory / "id_ed25519", known_hosts=lab.directory / "known_hosts"
        ) as engine,
        running_registry(engine, address, authority) as registry,
    ):
        place = registry.get_registry()
        trust_registry(lab, place, authority.pem.decode())
        reference = _push_probe(engine, place)
        operator.types(*VERIFY, *QUICK, "--probe-image", reference)
        assert soon(lambda: traces(lab) == before), (before, traces(lab))
    # The registry is gone: the hosts have no image, and cannot pull it. Nothing was proved.
    said = operator.types(*VERIFY, *QUICK, "--probe-image", reference, exits=3)
    assert "was proved" in " ".join(said.split())
    assert soon(lambda: traces(lab) == before), (before, traces(lab))


def test_ctrl_c_at_any_moment_leaves_nothing(lab: Lab, operator: Operator) -> None:
    before = traces(lab)

    for moment in ("starting probes", "waiting for the probe service", "asking between all hosts"):
        with operator.begins(*VERIFY, until=moment) as process:
            process.send_signal(signal.SIGINT)
            out, said = process.communicate(timeout=LIMIT)

        assert process.returncode == 130, f"{moment}: {out}{said}"
        # An engine that had begun a task makes its container all the same, and then removes it.
        assert soon(lambda: traces(lab) == before), (moment, traces(lab))


def _push_probe(engine: str, place: str) -> str:
    """Put the probe's image into the registry and return its name by digest."""
    client = engine_client.DockerClient(base_url=engine)
    try:
        (image,) = client.images.load(build())
        image.tag(f"{place}/probe", "1")
        pushed = list(client.images.push(f"{place}/probe", tag="1", stream=True, decode=True))
    finally:
        client.close()
    digest = next(line["aux"]["Digest"] for line in pushed if "aux" in line)
    return f"{place}/probe@{digest}"
