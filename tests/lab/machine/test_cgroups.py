from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from swarmnet.lab.machine.cgroups import Hierarchy, LabGroups, hierarchies
from tests.support.waiting import soon

VERSION_1 = """\
23 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,release_agent=/lib/a,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""


def test_version_1_hierarchies_are_mounted_again_with_their_controllers_or_their_name() -> None:
    found = hierarchies(VERSION_1)

    assert [(h.mount.name, h.version, h.mount_options) for h in found] == [
        ("cpu,cpuacct", 1, "cpu,cpuacct"),
        ("systemd", 1, "none,name=systemd"),
        ("unified", 2, ""),
    ]


def test_a_machine_with_version_2_only_has_one_hierarchy() -> None:
    line = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"

    assert hierarchies(line) == (Hierarchy(Path("/sys/fs/cgroup"), 2, ()),)


@pytest.mark.lab
def test_a_process_that_joins_while_its_lab_is_removed_is_killed_and_keeps_nothing_busy() -> None:
    groups = LabGroups(f"swarmnet-test-{os.getpid()}")
    groups.create("switch")
    late = subprocess.Popen(groups.joining("switch", ["sleep", "600"]))
    assert soon(lambda: bool(groups.processes()))

    groups.remove(limit=120)

    assert late.wait(120) < 0
    assert groups.leftovers() == []
