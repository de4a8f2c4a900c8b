"""Hosts with kernels of their own: what the machine's kernel may lack works on them, and pulling the plug is real."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from swarmnet.errors import LabError
from swarmnet.lab import Fault, Lab, LabSpec
from swarmnet.lab.image import make_image
from tests.lab.test_up import ssh
from tests.lab.traces import settings, traces, wait_for_none
from tests.labs import fresh_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.lab

IMAGE = "own:1"
READY = ["docker", "node", "ls", "--format", "{{.Hostname}} {{.Status}}"]


@pytest.fixture(scope="module")
def own_lab() -> Iterator[Lab]:
    """Two hosts on kernels of their own, with the oldest and the newest engine, in one swarm: m1 and w1."""
    spec = LabSpec(name=fresh_name(), hosts=2, engines=("20.10", "28.5"), kernels=("own",))
    with Lab.up(spec) as lab:
        make_image(lab, IMAGE)
        address = str(lab.host("m1").address)
        said(lab, "m1", "docker", "swarm", "init", "--advertise-addr", address)
        token = said(lab, "m1", "docker", "swarm", "join-token", "-q", "worker").strip()
        said(lab, "w1", "docker", "swarm", "join", "--token", token, f"{address}:2377")
        yield lab


@pytest.fixture(scope="module")
def vault(own_lab: Lab) -> str:
    """An encrypted attachable overlay with a container on each host: ``on-m1`` and ``on-w1``."""
    said(own_lab, "m1", "docker", "network", "create", "-d", "overlay", "--attachable", "-o", "encrypted", "vault")
    for host in ("m1", "w1"):
        run = ("docker", "run", "--detach", "--name", f"on-{host}", "--network", "vault", IMAGE)
        said(own_lab, host, *run)
    return "vault"


def said(lab: Lab, host: str, *argv: str) -> str:
    done = lab.exec(host, argv)
    assert done.exit_code == 0, done.last_words()
    return done.stdout


def soon(condition: Callable[[], bool], *, limit: float = 30.0) -> bool:
    deadline = time.monotonic() + limit
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return met


def ping(lab: Lab) -> list[str]:
    own = "ip -4 -o address show dev eth0 | awk '{print $4}' | cut -d/ -f1"
    target = said(lab, "w1", "docker", "exec", "on-w1", "sh", "-c", own).strip()
    return ["docker", "exec", "on-m1", "ping", "-c", "1", "-W", "2", target]


def test_its_kernel_can_prove_the_routing_mesh_and_encryption(own_lab: Lab) -> None:
    status = own_lab.status()

    works = {capability.name for capability in status.own_kernel if capability.works}
    assert works >= {"vxlan", "nat", "ipvs", "esp", "macvlan", "ipvlan", "vlan", "netem"}
    assert [(host.kernel, host.ssh, host.engine_answers) for host in status.hosts] == [("own", True, True)] * 2


def test_ssh_clients_get_in_by_the_inventory_as_on_any_host(own_lab: Lab) -> None:
    assert ssh(own_lab, "root", "w1", "hostname").stdout == "w1\n"
    assert ssh(own_lab, "operator", "m1", "sudo", "-n", "id", "-u").stdout == "0\n"


def test_commands_keep_their_words_their_input_and_their_exit_code(own_lab: Lab) -> None:
    words = own_lab.exec("m1", ["printf", "%s|", "two words", "$HOME", "'", ""])
    cat = own_lab.exec("m1", ["cat"], stdin="in\n")

    assert words.stdout == "two words|$HOME|'||"
    assert cat.stdout == "in\n"
    assert own_lab.exec("m1", ["sh", "-c", "exit 7"]).exit_code == 7


def test_encrypted_overlays_carry_traffic_across_hosts_as_esp_and_nothing_else(own_lab: Lab, vault: str) -> None:
    assert soon(lambda: own_lab.exec("m1", ping(own_lab)).exit_code == 0), vault
    peer = str(own_lab.host("w1").address)
    watch = f"dst {peer} and (ip proto 50 or udp port 4789)"
    several = " ".join(ping(own_lab)).replace("-c 1", "-c 6")
    capture = f"timeout 20 tcpdump -l -n -c 2 -i eth0 '{watch}' & {several} >&2; wait"

    seen = own_lab.exec("m1", ["sh", "-c", capture])

    assert "ESP(spi=" in seen.stdout, seen.last_words()
    assert "VXLAN" not in seen.stdout
    assert "rfc4106(gcm(aes))" in said(own_lab, "m1", "sh", "-c", "ip xfrm state | cut -d' ' -f1,2")


def test_the_routing_mesh_answers_on_every_node_also_where_no_task_is(own_lab: Lab) -> None:
    create = ("docker", "service", "create", "--name", "web", "--constraint", "node.hostname==w1", "--detach")
    said(own_lab, "m1", *create, "--no-resolve-image", "--stop-grace-period", "1s", "--publish", "8080:80", IMAGE)

    def answers(host: str) -> bool:
        try:
            with urlopen(f"http://{own_lab.host(host).address}:8080/", timeout=2) as page:
                return bool(page.read() == b"it works\n")
        except OSError:
            return False

    for host in ("w1", "m1"):
        assert soon(partial(answers, host), limit=60), said(own_lab, "m1", "docker", "service", "ps", "web")


def test_a_power_cut_host_boots_from_the_same_disk_as_the_same_node(own_lab: Lab) -> None:
    identity = [
        "sh",
        "-c",
        "docker info --format '{{.ID}} {{.Swarm.NodeID}}'; cat /etc/machine-id /sys/class/net/eth0/address",
    ]
    before = said(own_lab, "w1", *identity)

    own_lab.break_(Fault(host="w1", kind="kill"))
    with pytest.raises(LabError, match="w1 is powered off"):
        own_lab.exec("w1", ["true"])
    assert soon(lambda: "w1 Down" in said(own_lab, "m1", *READY))
    own_lab.heal(Fault(host="w1", kind="kill"))

    assert said(own_lab, "w1", *identity) == before
    assert soon(lambda: "w1 Ready" in said(own_lab, "m1", *READY))


def test_a_host_without_engine_and_cable_is_still_reached_and_heals(own_lab: Lab) -> None:
    for kind in ("link", "engine"):
        own_lab.break_(Fault.model_validate({"host": "w1", "kind": kind}))

    host = next(host for host in own_lab.status().hosts if host.name == "w1")
    own_lab.put_file("w1", "/root/deep/note", "reached\n")

    assert (host.powered, host.ssh, host.engine_answers) == (True, False, False)
    assert said(own_lab, "w1", "cat", "/root/deep/note") == "reached\n"
    own_lab.heal_all()
    assert said(own_lab, "w1", "docker", "version", "--format", "{{.Server.Version}}").startswith("28.5.")


def test_a_host_sees_nothing_of_the_machine_and_has_no_way_out(own_lab: Lab) -> None:
    outside = "mkdir -p /mnt/out && mount -t hostfs none /mnt/out -o / && ls /mnt/out; umount /mnt/out"
    seen = said(own_lab, "m1", "sh", "-c", outside).split()

    assert {"host", "disk.img"} <= set(seen)
    assert not {"home", "root", "etc", "var", "work"} & set(seen)
    assert "unreachable" in own_lab.exec("m1", ["ping", "-c", "1", "-W", "1", "198.51.100.1"]).stderr
    assert "169.254." not in said(own_lab, "m1", "ip", "-4", "address")


def test_a_host_that_does_not_boot_shows_its_console_and_leaves_nothing(tmp_path: Path) -> None:
    script = (
        "import sys; from swarmnet.lab.roots import RootCache, Stamp, recipe_digest\n"
        "from swarmnet.lab.engines import ENGINES\n"
        "release = ENGINES['26.1']; place = RootCache.default().place(release)\n"
        "(place / 'root/usr/sbin').mkdir(parents=True); (place / 'root/usr/sbin/dockerd').touch()\n"
        "stamp = Stamp(recipe=recipe_digest(release), suite='trixie', engine='26.1.5')\n"
        "(place / 'stamp.json').write_text(stamp.model_dump_json())\n"
        "from swarmnet.cli import main; sys.argv[1:] = ['lab', 'up', '--hosts', '1', '--kernel', 'own']; main.main()\n"
    )
    env = {**settings(tmp_path / "state"), "SWARMNET_LAB_CACHE": str(tmp_path / "cache")}

    argv = [sys.executable, "-c", script]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=90)

    assert done.returncode == 1
    assert "m1 died while starting; its last words:" in done.stderr
    assert "/run/lab/boot" in done.stderr
    assert list((tmp_path / "state").glob("*")) == []


def test_down_leaves_nothing_of_such_hosts_on_the_machine(own_lab: Lab) -> None:
    ids = {own_lab.record.id}
    there = {trace.split(" ", 1)[0] for trace in traces(own_lab.directory, ids)}

    own_lab.down()

    assert there == {"interface", "group", "process", "file"}
    assert wait_for_none(own_lab.directory, ids) == set()
