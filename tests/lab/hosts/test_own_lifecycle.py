"""Labs of hosts with kernels of their own begin, are reset and end without leaving anything, however they end."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Fault, Lab, LabSpec
from swarmnet.lab.roots.cache import RootCache
from swarmnet.lab.roots.engines import ENGINES, KERNEL_ENGINE
from tests.support.lab_traces import SWARMNET, command, lab_ids, settings, traces, wait_for_none
from tests.support.labs import fresh_name
from tests.support.waiting import await_from, soon

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.lab


def test_a_full_disk_survives_a_power_cut_and_reset_leaves_a_whole_host_and_down_leaves_nothing() -> None:
    with Lab.up(LabSpec(name=fresh_name(), hosts=2, kernels=("own", "shared"))) as lab:
        own = lab.exec("m1", ["cat", "/etc/machine-id"]).stdout
        lab.exec("m1", ["docker", "swarm", "init", "--advertise-addr", str(lab.host("m1").address)])
        for fault in (Fault(host="m1", kind="disk"), Fault(host="m1", kind="machine-id", options={"like": "w1"})):
            lab.break_(fault)
        # At once: nothing of it may wait in the host's memory for its way to the disk.
        lab.break_(Fault(host="m1", kind="kill"))
        lab.heal(Fault(host="m1", kind="kill"))
        assert lab.status().broken[0] == "m1: disk full"
        assert lab.exec("m1", ["dd", "if=/dev/zero", "of=/var/lib/docker/room", "bs=64k", "count=1"]).exit_code != 0
        lab.break_(Fault(host="m1", kind="mtu", options={"mtu": 1400}))
        lab.break_(Fault(host="m1", kind="link"))

        lab.reset()

        assert lab.status().broken == ()
        assert lab.exec("m1", ["docker", "info", "--format", "{{.Swarm.LocalNodeState}}"]).stdout == "inactive\n"
        assert lab.exec("m1", ["cat", "/etc/machine-id"]).stdout == own
        assert lab.exec("m1", ["fallocate", "-l", "1G", "/var/lib/docker/room"]).exit_code == 0
        big = ["ping", "-c", "1", "-W", "1", "-M", "do", "-s", "1472", str(lab.host("w1").address)]
        assert soon(lambda: lab.exec("m1", big).exit_code == 0)
        ids, there = {lab.record.id}, traces(lab.directory, {lab.record.id})

    assert {trace.split(" ", 1)[0] for trace in there} == {"interface", "group", "process", "loop", "file"}
    assert wait_for_none(lab.directory, ids) == set()


def test_whatever_ends_up_halfway_nothing_is_left(tmp_path: Path) -> None:
    states = {sent: tmp_path / sent.name for sent in (signal.SIGKILL, signal.SIGINT)}
    argv = [*SWARMNET, "lab", "up", "--name", "victim", "--hosts", "1", "--kernel", "own"]
    quiet = subprocess.DEVNULL
    ups = {sent: subprocess.Popen(argv, env=settings(state), stderr=quiet) for sent, state in states.items()}
    for sent, up in ups.items():
        wait_for_kernel(states[sent], up)
    ids = {sent: lab_ids(state) for sent, state in states.items()}
    running = {sent: len(traces(states[sent], ids[sent])) for sent in ups}
    for sent, up in ups.items():
        up.send_signal(sent)

    codes = {sent: up.wait(timeout=240) for sent, up in ups.items()}
    down = command("down", "--all", state=states[signal.SIGKILL])

    assert all(running.values())
    assert codes == {signal.SIGKILL: -signal.SIGKILL, signal.SIGINT: 130}
    assert (down.returncode, down.stdout) == (0, "removed: victim\n"), down.stderr
    for sent, state in states.items():
        assert wait_for_none(state, ids[sent]) == set()


def wait_for_kernel(state: Path, up: subprocess.Popen[bytes]) -> None:
    """Return when the host's kernel has started its first process: its engine does not answer for long yet."""
    console = state / "victim/hosts/m1/console.log"
    await_from(up, lambda: console.exists() and "booting" in console.read_text(errors="replace"))


def test_a_host_that_does_not_boot_shows_its_console_and_leaves_nothing(tmp_path: Path) -> None:
    kernel = RootCache.default().place(ENGINES[KERNEL_ENGINE])
    script = (
        "import sys; from swarmnet.lab.roots.cache import RootCache, Stamp, recipe_digest\n"
        "from swarmnet.lab.roots.engines import ENGINES, KERNEL_ENGINE\n"
        "release = ENGINES['28.5']; place = RootCache.default().place(release)\n"
        "(place / 'root/usr/sbin').mkdir(parents=True); (place / 'root/usr/sbin/dockerd').touch()\n"
        "stamp = Stamp(recipe=recipe_digest(release), suite='forky', engine='28.5.2')\n"
        "(place / 'stamp.json').write_text(stamp.model_dump_json())\n"
        f"RootCache.default().place(ENGINES[KERNEL_ENGINE]).symlink_to({str(kernel)!r})\n"
        "sys.argv[1:] = ['lab', 'up', '--hosts', '1', '--kernel', 'own', '--engine', '28.5']\n"
        "from swarmnet.cli import main; main.main()\n"
    )
    env = {**settings(tmp_path / "state"), "SWARMNET_LAB_CACHE": str(tmp_path / "cache")}

    argv = [sys.executable, "-c", script]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=240)

    assert done.returncode == 1
    assert "m1 died while starting; its last words:" in done.stderr
    assert "/run/lab/boot" in done.stderr
    assert list((tmp_path / "state").glob("*")) == []
