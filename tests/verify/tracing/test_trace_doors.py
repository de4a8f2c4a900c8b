"""A published port of the mesh on a host without the rule that leads it there."""

from __future__ import annotations

import pytest

from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims
from swarmnet.verify.keys import SAVE
from swarmnet.verify.scenario import Answer, OperatorTask
from swarmnet.verify.scenarios.expected.outside import Outside
from swarmnet.verify.scenarios.own.processes import PROGRAMS
from swarmnet.verify.tracing.asking import ask_published
from swarmnet.verify.tracing.doors import Shut, cause_of
from swarmnet.verify.tracing.paths import paths_of
from tests.verify.scenarios.test_expected import WEB, arrow
from tests.verify.scenarios.test_expected_outside import EVERYWHERE, OPERATOR, answers, published
from tests.verify.tracing.test_trace import RULES

ENGINES = """*nat
:PREROUTING ACCEPT
:DOCKER-INGRESS -
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER-INGRESS
-A DOCKER-INGRESS -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.18.0.2:8080
-A DOCKER-INGRESS -j RETURN
COMMIT
"""
LACKING = ENGINES.replace("--dport 8080", "--dport 9090")


def test_each_published_port_is_tried_twice_for_each_task_and_for_one_that_is_gone() -> None:
    """A stale backend of the mesh takes one connection of all: a single one opens mostly."""
    way = arrow(OPERATOR, WEB, 8080)
    setup = published(way)
    (asked,) = [one for one in ask_published(setup, {}, way) if isinstance(one, OperatorTask)]
    targets = asked.task["targets"]
    assert isinstance(targets, dict)
    assert {one["times"] for one in targets.values() if isinstance(one, dict)} == {2 * (1 + 1)}


def test_a_mesh_that_balances_to_a_task_that_is_gone_is_the_cause_of_lost_connections() -> None:
    table = Verdict(
        scenario="ipvs",
        subject="the routing mesh on m1",
        status=Status.FAILED,
        detail="holds 10.0.0.250, which no running task has",
        broken=frozenset({claims.balancer("m1", claims.MESH)}),
    )
    assert cause_of(Shut("web", ("m1",)), [table]) == table
    assert cause_of(Shut("web", ("m2",)), [table]) is None


@pytest.mark.parametrize(
    ("rules", "kernel", "is_named"),
    [(ENGINES, "@ipvs\n", False), (LACKING, "@ipvs\n", True), (LACKING, "", False), (RULES, "@ipvs\n", False)],
)
def test_a_port_that_opens_without_the_rule_of_the_mesh_leads_to_no_task(
    rules: str, kernel: str, *, is_named: bool
) -> None:
    """The engine's own listener seems to open it, as libnetwork reads; without IPVS, engines make no rules."""
    way = arrow(OPERATOR, WEB, 8080)
    setup = published(way)
    found = answers(setup, Outside(), EVERYWHERE)
    found["m1", SAVE.name] = Answer({"exit": 0, "stdout": rules})
    found["m1", PROGRAMS.name] = Answer({"exit": 0, "stdout": kernel})
    (path,) = paths_of(setup, found, way)
    last = path.layers[-1]
    assert (last.status is Status.FAILED) is is_named
    assert (last.cause == "ingress-rules") is is_named
    assert ("missing on m1" in last.detail) is is_named
