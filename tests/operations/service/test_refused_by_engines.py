"""What engines take and then start no container with: it is refused, or reported, at the plan (D)."""

from __future__ import annotations

import pytest

from swarmnet.operations.service.signals import is_signal
from tests.support.clusters import inventory, swarm
from tests.support.plans import plan


@pytest.mark.parametrize("text", ["SIGTERM", "term", "SIGRTMIN+15", "rtmax-1", "9", "64"])
def test_names_and_numbers_of_signals_are_taken_as_engines_take_them(text: str) -> None:
    assert is_signal(text)


@pytest.mark.parametrize("text", ["", "0", "65", "SIG", "SIGRTMIN+16", "TERM ", "-1", "\u0661", "9" * 5000])
def test_other_texts_are_refused(text: str) -> None:
    assert not is_signal(text)


def test_d_a_sysctl_of_the_host_is_reported_at_the_plan() -> None:
    hosts = inventory(1, 1)
    sysctls = (
        "{net.core.somaxconn: 1, net/ipv4/ip_forward: 1, kernel.shmmax: 5, fs.mqueue.msg_max: 9, vm.swappiness: 1}"
    )
    made = plan(f"- service: {{name: web, image: 'probe:1', sysctls: {sysctls}}}", swarm(hosts), hosts)
    (warning,) = made.warnings
    assert "sysctl vm.swappiness is not of a container" in warning
