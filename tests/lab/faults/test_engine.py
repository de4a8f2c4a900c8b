from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import UsageError
from swarmnet.lab import Fault

if TYPE_CHECKING:
    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab


def test_a_stopped_engine_leaves_its_host_reachable(broken: Lab) -> None:
    broken.break_(Fault(host="m2", kind="engine"))

    seen = {host.name: host for host in broken.status().hosts}["m2"]

    assert (seen.powered, seen.ssh, seen.engine_answers) == (True, True, False)
    broken.heal(Fault(host="m2", kind="engine"))
    assert broken.exec("m2", ["docker", "version"]).exit_code == 0


def test_a_frozen_engine_keeps_its_socket_and_answers_no_request_until_it_is_healed(broken: Lab) -> None:
    broken.break_(Fault(host="m2", kind="freeze"))

    seen = {host.name: host for host in broken.status().hosts}["m2"]
    state = broken.exec("m2", ["sh", "-c", "grep State: /proc/$(cat /run/docker.pid)/status"]).stdout
    asked = broken.exec("m2", ["timeout", "2", "docker", "version"])

    assert (seen.powered, seen.ssh, seen.engine_answers) == (True, True, False)
    assert "T (stopped)" in state
    assert asked.exit_code == 124
    broken.heal(Fault(host="m2", kind="freeze"))
    assert broken.exec("m2", ["docker", "version"]).exit_code == 0


def test_an_engine_cannot_be_stopped_and_frozen_at_once(broken: Lab) -> None:
    broken.break_(Fault(host="m2", kind="engine"))

    with pytest.raises(UsageError, match="engine of m2 is stopped already"):
        broken.break_(Fault(host="m2", kind="freeze"))
