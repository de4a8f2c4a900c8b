"""A host without Docker gets an engine, and another host's is replaced, on real hosts by real packages.

The hosts run Debian 12 with docker.io 20.10; their source has docker.io 26.1 of Debian 13, which needs nothing else of
Debian 13. They have no systemd: engines are served by the packages' own script in ``/etc/init.d``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.lab.image import make_image
from tests.support.commands import Operator, docker
from tests.support.deb_packages import SOURCE, offer, pack

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab import Lab
    from tests.support.labs import MakeLab

pytestmark = pytest.mark.lab
SERVICES = (
    "swarm: {}",
    "service: {name: web, image: 'demo:1', stop_grace_period: 1s}",
    "service: {name: all, image: 'demo:1', mode: global, stop_grace_period: 1s}",
)
STOP = "kill $(cat /run/docker.pid); while [ -e /run/docker.pid ]; do sleep 0.1; done"
UNLIMITED = "ulimit() { :; }\n"
"""For ``/etc/default/docker``: the service raises a limit, which not every machine lets a lab host do."""


def does(lab: Lab, host: str, script: str) -> str:
    done = lab.exec(host, ["sh", "-c", script])
    assert done.exit_code == 0, done.stdout + done.stderr
    return done.stdout


def engines(lab: Lab) -> list[str]:
    form = "{{.Hostname}} {{.Status}} {{.Availability}} {{.EngineVersion}}"
    return sorted(docker(lab, "m1", "node", "ls", "--format", form).splitlines())


def prepared(lab: Lab, folder: Path) -> None:
    """Give both hosts a source of packages, one a service as the package has it, and take the engine off the other."""
    pack("26.1", ("docker.io", "docker-cli"), folder)
    for host in ("m1", "w1"):
        offer(lab, host, folder)
    lab.put_file("m1", "/etc/default/docker", UNLIMITED)
    does(lab, "m1", f"{STOP}; service docker start")
    does(lab, "w1", f"{STOP}; dpkg --purge docker.io && ! command -v dockerd && rm -rf /var/lib/docker/*")
    lab.put_file("w1", "/etc/default/docker", UNLIMITED)


def test_an_engine_is_installed_and_another_is_replaced_although_the_first_try_fails(
    make_lab: MakeLab, tmp_path: Path
) -> None:
    lab, operator = make_lab(hosts=2, engines=("20.10",)), Operator(tmp_path)
    source = tmp_path / "packages"
    source.mkdir()
    prepared(lab, source)
    reported: dict[str, dict[str, object]] = {
        "m1": {"role": "manager"},
        "w1": {"role": "worker", "ssh": {"user": "operator"}},
    }
    inventory = ("-i", operator.writes_inventory(lab, reported))

    said = operator.types("engine", "install", *inventory, "--refresh", "--yes")
    assert "+ engine w1" in said
    assert "+ engine m1" not in said
    make_image(lab, "demo:1")
    operator.writes_playbook(*SERVICES)
    operator.types("apply", "play.yml", *inventory, "--yes")
    assert engines(lab) == ["m1 Ready Active 20.10.24+dfsg1", "w1 Ready Active 26.1.5+dfsg1"]

    does(lab, "m1", f"mv {SOURCE}/docker.io.deb {SOURCE}/away")
    said = operator.types("engine", "upgrade", *inventory, "--yes", exits=1)
    assert "apt-get install failed" in said
    assert "run swarmnet engine upgrade again" in said
    assert engines(lab)[0] == "m1 Ready Drain 20.10.24+dfsg1"
    does(lab, "m1", f"mv {SOURCE}/away {SOURCE}/docker.io.deb")
    said = operator.types("engine", "upgrade", *inventory, "--yes")
    assert "engine: 20.10.24 -> 26.1.5" in said
    assert "an interrupted upgrade left it without tasks" in said

    assert engines(lab) == ["m1 Ready Active 26.1.5+dfsg1", "w1 Ready Active 26.1.5+dfsg1"]
    assert "all" in docker(lab, "m1", "ps", "--format", "{{.Names}}")
    assert does(lab, "m1", "cat /etc/default/docker") == UNLIMITED
    assert docker(lab, "m1", "node", "inspect", "m1", "--format", "{{json .Spec.Labels}}") == "{}"
