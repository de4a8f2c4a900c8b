from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab


def docker(lab: Lab, host: str, *argv: str) -> str:
    done = lab.exec(host, ["docker", *argv])
    assert done.exit_code == 0, done.last_words()
    return done.stdout.strip()


def test_reset_forgets_swarm_and_networks_but_keeps_images(lab: Lab) -> None:
    docker(lab, "m1", "swarm", "init", "--advertise-addr", str(lab.host("m1").address))
    docker(lab, "m1", "network", "create", "--driver", "bridge", "leftover")
    lab.exec("m1", ["sh", "-c", "tar -C /usr/bin -c busybox | docker import - kept:1"])
    docker(lab, "m1", "create", "--name", "leftover", "kept:1", "/busybox")

    lab.reset()

    assert docker(lab, "m1", "info", "--format", "{{.Swarm.LocalNodeState}}") == "inactive"
    assert docker(lab, "m1", "network", "ls", "--quiet", "--filter", "name=leftover") == ""
    assert docker(lab, "m1", "ps", "--all", "--quiet") == ""
    assert docker(lab, "m1", "run", "--rm", "kept:1", "/busybox", "echo", "alive") == "alive"
