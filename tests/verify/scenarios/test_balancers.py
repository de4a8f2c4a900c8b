"""A balancer's own address: which host does not answer it, looked at where virtual addresses do not work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.verify import claims
from swarmnet.verify.keys import NAMESPACES
from swarmnet.verify.scenario import Answer, Answers, HostCommand, ProbeTask
from swarmnet.verify.scenarios.pairs.endpoints import Endpoints
from tests.verify.scenarios.test_endpoints import FORWARDS, HOSTS, NEIGHBOURS, bad, cluster, pinged

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject

ADDRESS = "10.0.0.7"
LISTED = f"""\
/var/run/docker/netns/lb_other0000
9: eth0    inet 10.0.9.7/24 brd 10.0.9.255 scope global eth0\\       valid_lft forever preferred_lft forever
/var/run/docker/netns/lb_id-front
24: eth0    inet {ADDRESS}/24 brd 10.0.0.255 scope global eth0\\       valid_lft forever preferred_lft forever
24: eth0    inet 10.0.0.90/32 scope global eth0\\       valid_lft forever preferred_lft forever
"""


def lossy(deaf: tuple[str, ...], *, neighbours: str = NEIGHBOURS) -> Answers:
    """Return answers in which w2 lost connections to virtual addresses, and its balancer no echo but of ``deaf``."""
    answers = pinged(neighbours=neighbours, forwards=FORWARDS)
    answers["w2", "balance/front/again"] = Answer({"targets": {}})
    answers["w2", "balancers"] = Answer({"exit": 0, "stdout": LISTED})
    for host in HOSTS:
        echo: JsonObject = {"ok": host not in deaf, "tries": 3, "why": "no answer"}
        answers[host, "endpoints/front/balancers"] = Answer({"targets": {ADDRESS: echo}})
    return answers


def test_no_balancer_is_asked_while_virtual_addresses_work() -> None:
    asked = Endpoints().ask(cluster(), pinged())
    assert not [one for one in asked if isinstance(one, HostCommand) or one.key.endswith("balancers")]


def test_namespaces_are_listed_with_the_balancers_for_rounds_are_few() -> None:
    answers = lossy(())
    del answers["w2", "balancers"]
    asked = {(one.host, one.key) for one in Endpoints().ask(cluster(), answers)}
    assert {("w2", "balancers"), *((host, NAMESPACES.name) for host in HOSTS)} <= asked


def test_where_connections_are_lost_every_host_asks_the_balancer_for_an_echo() -> None:
    asked = Endpoints().ask(cluster(), lossy(()))
    assert [one.host for one in asked if one.key == "balancers"] == ["w2"]
    echoes = [one for one in asked if isinstance(one, ProbeTask) and one.key.endswith("balancers")]
    assert [(one.host, one.task["targets"]) for one in echoes] == [(host, {ADDRESS: ADDRESS}) for host in HOSTS]


def test_a_balancer_for_which_a_host_has_no_row_is_named_with_what_heals_it() -> None:
    """Seen on 20.10 and 26.1: answers to the balancer of a node that had joined again got lost."""
    first, second = bad(cluster(), lossy(("w1", "w3")))
    assert (first.cause, first.subject, second.subject) == ("neighbour-missing", "host w1", "host w3")
    assert first.detail == (
        f"w1 does not reach the balancer of w2 ({ADDRESS} on w2): the neighbour entry is missing there"
    )
    assert str(first.fix).startswith("restart Docker on w2")
    assert first.broken == {claims.balancer("w2", "front")}


def test_a_balancer_that_everyone_reaches_has_nothing_wrong() -> None:
    assert bad(cluster(), lossy(())) == []


def test_a_list_that_cannot_be_read_names_nothing() -> None:
    answers = lossy(("w1",)) | {("w2", "balancers"): Answer({"exit": 1, "stdout": "", "stderr": "sudo: denied"})}
    assert bad(cluster(), answers) == []
