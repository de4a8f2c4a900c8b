"""A trace says which nameservers a service named for its tasks, where a name outside of the swarm is not found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from swarmnet.model.container_parts import Dns
from tests.verify.scenarios.test_expected import WEB, arrow, expecting
from tests.verify.tracing.test_trace import NAME, Containers, broken


@pytest.mark.parametrize(
    ("server", "program", "cause", "said"),
    [
        ("127.0.0.1", "@process box-web-1\n1 (web) S 0\n", "dns-loopback", "is the container itself"),
        ("192.0.2.53", "", "unresolvable", "the engine asks 192.0.2.53 for them, from inside web.1"),
    ],
)
def test_a_name_outside_that_is_not_found_says_which_nameserver_the_service_named(
    server: str, program: str, cause: str, said: str
) -> None:
    way = arrow(WEB, NAME, 443)
    hosts = Containers(expecting(way))
    state = hosts.setup.state
    services = tuple(
        one.model_copy(update={"spec": one.spec.model_copy(update={"dns": Dns(servers=(server,))})})
        for one in state.services
    )
    hosts.setup = replace(hosts.setup, state=state.model_copy(update={"services": services}))
    box = next(one.container for one in hosts.setup.ends if one.name == "web.1")
    hosts.commands["sh"] = program.replace("box-web-1", box)
    hosts.says["web.1", "deb.example:443"] = {"seen": "unresolvable", "why": "server failure"}
    found = broken(hosts.traced(way))
    assert (found.name, found.cause, said in found.detail) == ("name", cause, True), found
    assert str(found.fix).count(f"docker service update --dns-rm {server} web") == 1
