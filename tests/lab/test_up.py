"""What `up` makes: hosts that SSH and engines answer on, shut in, next to other labs; and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from swarmnet.errors import UsageError
from swarmnet.lab import Lab, LabSpec
from tests.support.lab_traces import settings
from tests.support.labs import fresh_name
from tests.support.registry import trust_registry
from tests.support.waiting import soon

if TYPE_CHECKING:
    from tests.support.labs import MakeLab

pytestmark = pytest.mark.lab


def ssh(lab: Lab, account: str, host: str, *argv: str) -> subprocess.CompletedProcess[str]:
    """Log in as any SSH client would, knowing nothing but what the inventory says."""
    inventory = yaml.safe_load(lab.inventory.read_text())
    how = inventory["ssh"]
    assert how["host_keys"] == "strict"
    options = [f"UserKnownHostsFile={how['known_hosts']}", "StrictHostKeyChecking=yes", "BatchMode=yes"]
    target = f"{account}@{inventory['hosts'][host]['address']}"
    argv_ssh = ["ssh", "-i", how["key"], *(word for option in options for word in ("-o", option)), target, "--", *argv]
    return subprocess.run(argv_ssh, capture_output=True, text=True, check=False, timeout=180)


def test_the_inventory_alone_is_enough_to_log_in_with_strict_host_keys(session_lab: Lab) -> None:
    assert ssh(session_lab, "root", "m2", "hostname").stdout == "m2\n"


def test_hosts_have_a_sudo_user_and_a_docker_group_user(session_lab: Lab) -> None:
    version = ("docker", "version", "--format", "{{.Server.Version}}")

    assert ssh(session_lab, "dockeruser", "m1", *version).stdout.startswith("26.1.")
    assert ssh(session_lab, "dockeruser", "m1", "sudo", "-n", "true").returncode != 0
    assert ssh(session_lab, "operator", "m1", "sudo", "-n", *version).stdout.startswith("26.1.")
    assert "permission denied" in ssh(session_lab, "operator", "m1", *version).stderr


def test_an_extra_host_runs_but_is_not_in_the_inventory(session_lab: Lab) -> None:
    assert list(yaml.safe_load(session_lab.inventory.read_text())["hosts"]) == ["m1", "m2", "m3"]
    assert session_lab.host("registry").role == "none"
    assert session_lab.exec("registry", ["hostname"]).stdout == "registry\n"


def test_hosts_differ_in_everything_that_makes_a_host(session_lab: Lab) -> None:
    identity = ["sh", "-c", "cat /etc/machine-id /etc/ssh/*.pub; ip link show eth0; docker info --format '{{.ID}}'"]

    seen = {session_lab.exec(host.name, identity).stdout for host in session_lab.hosts}

    assert len(seen) == len(session_lab.hosts)


def test_no_packet_of_a_host_can_leave_the_machine(session_lab: Lab) -> None:
    outside = ["ping", "-c", "1", "-W", "1", "198.51.100.1"]
    operator = str(session_lab.record.operator_address)

    inside = ["ping", "-c", "1", "-W", "1", operator]
    assert soon(lambda: session_lab.exec("m1", inside).exit_code == 0)
    assert "unreachable" in session_lab.exec("m1", outside).stderr
    session_lab.exec("m1", ["ip", "route", "add", "default", "via", operator])
    assert session_lab.exec("m1", outside).exit_code != 0
    assert Path(f"/proc/sys/net/ipv4/conf/{session_lab.record.leg}/forwarding").read_text() == "0\n"
    session_lab.exec("m1", ["ip", "route", "delete", "default"])


def test_a_host_cannot_change_settings_of_the_machine(session_lab: Lab) -> None:
    assert "denied" in session_lab.exec("m1", ["sysctl", "-w", "kernel.keys.root_maxkeys=5"]).stderr


def test_every_engine_release_answers_in_one_mixed_lab_next_to_another(session_lab: Lab, make_lab: MakeLab) -> None:
    lab = make_lab(hosts=3, engines=("20.10", "26.1", "28.5"))
    version = ["docker", "version", "--format", "{{.Server.Version}} {{.Server.APIVersion}}"]

    reported = [lab.exec(host.name, version).stdout.split() for host in lab.hosts]

    assert [(engine.rsplit(".", 1)[0], api) for engine, api in reported] == [
        ("20.10", "1.41"),
        ("26.1", "1.45"),
        ("28.5", "1.51"),
    ]
    assert not lab.record.subnet.overlaps(session_lab.record.subnet)
    assert session_lab.exec("m1", ["ping", "-c", "1", "-W", "1", str(lab.host("m1").address)]).exit_code != 0


def test_every_host_trusts_the_registry_that_the_lab_trusts(session_lab: Lab) -> None:
    trust_registry(session_lab, "10.1.2.3:5000", "-----BEGIN CERTIFICATE-----\n")

    place = ["cat", "/etc/docker/certs.d/10.1.2.3:5000/ca.crt"]
    assert {session_lab.exec(host.name, place).stdout for host in session_lab.hosts} == {
        "-----BEGIN CERTIFICATE-----\n"
    }


def test_hosts_run_containers_on_a_machine_with_cgroup_version_2_only(tmp_path: Path) -> None:
    lab = f"{sys.executable} -m swarmnet.cli lab"
    story = (
        "umount --recursive /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup || exit 90\n"
        f"{lab} up --hosts 1 && {lab} image busybox:lab && "
        f"{lab} exec m1 -- docker run --rm busybox:lab echo alive in 2>&1; {lab} down"
    )

    done = subprocess.run(
        ["/usr/bin/env", "unshare", "--mount", "--propagation", "private", "--", "sh", "-c", story],
        env=settings(tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert "alive in" in done.stdout, done.stdout + done.stderr
    assert done.stdout.endswith("removed: default\n")


def test_a_name_in_use_is_refused_and_the_lab_stays(session_lab: Lab) -> None:
    with pytest.raises(UsageError, match="already exists"):
        Lab.up(LabSpec(name=session_lab.record.name, hosts=1))

    assert session_lab.exec("m1", ["true"]).exit_code == 0


def test_a_subnet_in_use_is_refused_by_what_uses_it(session_lab: Lab) -> None:
    with pytest.raises(UsageError, match=f"in use: .*{session_lab.record.leg}|in use: route|in use: lab"):
        Lab.up(LabSpec(name=fresh_name(), hosts=1, subnet=session_lab.record.subnet))


def test_a_subnet_can_be_chosen() -> None:
    with Lab.up(LabSpec(name=fresh_name(), hosts=1, subnet=IPv4Network("10.222.7.0/28"))) as lab:
        assert str(lab.host("m1").address) == "10.222.7.11"


def test_without_root_file_systems_the_hint_is_lab_setup(tmp_path: Path) -> None:
    env = {**settings(tmp_path / "state"), "SWARMNET_LAB_CACHE": str(tmp_path / "cache")}
    argv = [sys.executable, "-m", "swarmnet.cli", "lab", "up", "--hosts", "1"]

    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=300)

    assert done.returncode == 1
    assert "hint: run `swarmnet lab setup --engine 26.1`" in done.stderr
    assert not (tmp_path / "state").exists()


def test_users_other_than_root_are_refused_with_advice() -> None:
    script = (
        "import os, sys; from swarmnet.cli import main; from swarmnet.lab import Lab\n"
        "os.seteuid(65534); sys.argv[1:] = ['lab', 'up']; main.main()\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=300)

    assert (done.returncode, done.stderr.splitlines()[1]) == (2, "hint: run it with sudo")


def test_a_host_that_dies_while_starting_shows_its_last_words_and_leaves_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "cache"
    broken.mkdir()
    script = (
        "import sys; from pathlib import Path\n"
        "from swarmnet.lab.roots.cache import RootCache, Stamp, recipe_digest\n"
        "from swarmnet.lab.roots.engines import ENGINES\n"
        "release = ENGINES['26.1']; place = RootCache.default().place(release)\n"
        "(place / 'root/usr/sbin').mkdir(parents=True); (place / 'root/usr/sbin/dockerd').touch()\n"
        "stamp = Stamp(recipe=recipe_digest(release), suite='trixie', engine='26.1.5')\n"
        "(place / 'stamp.json').write_text(stamp.model_dump_json())\n"
        "from swarmnet.cli import main; sys.argv[1:] = ['lab', 'up', '--hosts', '1']; main.main()\n"
    )
    env = {**settings(tmp_path / "state"), "SWARMNET_LAB_CACHE": str(broken)}

    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False, timeout=300
    )

    assert done.returncode == 1
    assert "m1 died while starting; its last words:" in done.stderr
    assert "mount" in done.stderr
    assert list((tmp_path / "state").glob("*")) == []
