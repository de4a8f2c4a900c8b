"""Hosts with kernels of their own: what the machine's kernel may lack works on them, and they stay among themselves."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from swarmnet.lab import Fault
from tests.lab.test_up import ssh
from tests.support.commands import attach
from tests.support.own_cluster import IMAGE
from tests.support.waiting import soon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.lab import Lab
    from tests.support.own_cluster import OwnCluster

pytestmark = pytest.mark.lab


@pytest.fixture
def own_lab(own_cluster: OwnCluster) -> Iterator[Lab]:
    """The cluster's lab: m1 (26.1), m2 (20.10), m3 (28.5); healed afterwards."""
    yield own_cluster.lab
    own_cluster.heal()


def said(lab: Lab, host: str, *argv: str) -> str:
    done = lab.exec(host, argv)
    assert done.exit_code == 0, done.last_words()
    return done.stdout


def test_its_kernel_can_prove_the_routing_mesh_and_encryption(own_lab: Lab) -> None:
    works = {capability.name for capability in own_lab.status().own_kernel if capability.works}
    assert works >= {"vxlan", "nat", "ipvs", "esp", "macvlan", "ipvlan", "vlan", "netem"}
    assert soon(
        lambda: (
            [(one.kernel, one.ssh, one.engine_answers) for one in own_lab.status().hosts] == [("own", True, True)] * 3
        )
    )


def test_all_of_a_kernel_runs_on_one_processor_of_the_machine(own_lab: Lab) -> None:
    for host in own_lab.hosts:
        programs = [pid for pid in own_lab.groups.processes(host.name) if program(pid) == "linux.uml"]
        assert len(programs) > 1
        assert {frozenset(os.sched_getaffinity(pid)) for pid in programs} == {frozenset({host.processor})}


def program(pid: int) -> str:
    """Return the name of a process; "" where it has ended meanwhile."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip()
    return ""


def test_ssh_clients_get_in_by_the_inventory_as_on_any_host(own_lab: Lab) -> None:
    assert ssh(own_lab, "root", "m3", "hostname").stdout == "m3\n"
    assert ssh(own_lab, "operator", "m1", "sudo", "-n", "id", "-u").stdout == "0\n"


def test_commands_keep_their_words_their_input_and_their_exit_code(own_lab: Lab) -> None:
    words = own_lab.exec("m1", ["printf", "%s|", "two words", "$HOME", "'", ""])
    cat = own_lab.exec("m1", ["cat"], stdin="in\n")

    assert words.stdout == "two words|$HOME|'||"
    assert cat.stdout == "in\n"
    assert own_lab.exec("m1", ["sh", "-c", "exit 7"]).exit_code == 7


def test_the_routing_mesh_answers_on_every_node(own_lab: Lab) -> None:
    def answers(host: str) -> bool:
        try:
            with urlopen(f"http://{own_lab.host(host).address}:8080/", timeout=2) as page:
                return bool(page.read() == b"it works\n")
        except OSError:
            return False

    for host in ("m1", "m2", "m3"):
        assert soon(partial(answers, host)), said(own_lab, "m1", "docker", "service", "ps", "web")


def test_encrypted_overlays_carry_traffic_across_hosts_as_esp_and_nothing_else(own_lab: Lab) -> None:
    for host in ("m1", "m3"):
        attach(own_lab, host, "esp", network="vault", image=IMAGE)
    address = re.findall(
        r"inet ([0-9.]+)", said(own_lab, "m3", "docker", "exec", "esp", "ip", "address", "show", "eth0")
    )
    ping = f"docker exec esp ping -c 1 -W 2 {address[0]}"
    watch = f"dst {own_lab.host('m3').address} and (ip proto 50 or udp port 4789)"
    tries = f"while kill -0 $!; do {ping}; done >&2"

    seen = own_lab.exec("m1", ["sh", "-c", f"timeout 180 tcpdump -l -n -c 1 -i eth0 '{watch}' & {tries}"], limit=200)
    for host in ("m1", "m3"):
        said(own_lab, host, "docker", "rm", "--force", "esp")

    assert "ESP(spi=" in seen.stdout, seen.last_words()
    assert "VXLAN" not in seen.stdout
    assert "rfc4106(gcm(aes))" in said(own_lab, "m1", "sh", "-c", "ip xfrm state | cut -d' ' -f1,2")


def test_a_host_without_engine_and_cable_is_still_reached_and_heals(own_lab: Lab) -> None:
    for kind in ("link", "engine"):
        own_lab.break_(Fault(host="m3", kind=kind))

    host = next(host for host in own_lab.status().hosts if host.name == "m3")
    own_lab.put_file("m3", "/root/deep/note", "reached\n")

    assert (host.powered, host.ssh, host.engine_answers) == (True, False, False)
    assert said(own_lab, "m3", "cat", "/root/deep/note") == "reached\n"
    own_lab.heal_all()
    assert said(own_lab, "m3", "docker", "version", "--format", "{{.Server.Version}}").startswith("28.5.")


def test_a_host_sees_nothing_of_the_machine_and_has_no_way_out(own_lab: Lab) -> None:
    outside = "mkdir -p /mnt/out && mount -t hostfs none /mnt/out -o hostfs=/ && ls /mnt/out; umount /mnt/out"
    seen = said(own_lab, "m1", "sh", "-c", outside).split()

    assert {"host", "disk.img"} <= set(seen)
    assert not {"home", "root", "etc", "var", "work"} & set(seen)
    assert "unreachable" in own_lab.exec("m1", ["ping", "-c", "1", "-W", "1", "198.51.100.1"]).stderr
    assert "169.254." not in said(own_lab, "m1", "ip", "-4", "address")
