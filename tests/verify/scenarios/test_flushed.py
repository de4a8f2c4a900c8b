"""F39: a host whose IPsec states were gone is named by their age: the probes of the run bring them back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.model.service import Task
from swarmnet.model.state import ClusterState, SwarmMembership
from swarmnet.verify.captures import IPSEC
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenario import Answer
from swarmnet.verify.scenarios.encryption.states import IpsecStates
from tests.support.encrypted_captures import Wire, cluster
from tests.support.setups import facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.verify.scenario import Answers, Setup

ELAPSED = 20.0
YOUNG, OLD = 18, 900
HEALTHY = {"w1": OLD, "w2": OLD, "w3": OLD}


def site(*, network: str = "vault", state: str = "running") -> Setup:
    """Return three hosts, each with a task on a network."""
    hosts = tuple(facts(f"w{n}", SwarmMembership(node_id=f"n{n}", address=f"192.0.2.{n}")) for n in (1, 2, 3))
    tasks = tuple(
        Task(
            id=f"t{n}",
            service_id="s",
            node_id=f"n{n}",
            state=state,
            desired_state="running",
            networks={network: (f"10.0.9.{n}/24",)},
        )
        for n in (1, 2, 3)
    )
    return replace(cluster(), state=ClusterState(hosts=hosts, tasks=tasks))


def seen(setup: Setup, ages: Mapping[str, int | None]) -> Answers:
    """Return what hosts say whose states all have these ages; None: the probe did not say."""
    found = Wire(setup).answers()
    for host, age in ages.items():
        for key in IPSEC:
            said = key.read(found, host) or {}
            states = said.get("states")
            known: JsonObject = {} if age is None else {"age": age}
            rows: list[JsonValue] = [
                {**one, **known} for one in (states if isinstance(states, list) else ()) if isinstance(one, dict)
            ]
            found[host, key.name] = Answer({**said, "states": rows, "elapsed": ELAPSED})
    return found


def flushed(setup: Setup, ages: Mapping[str, int | None]) -> list[tuple[str, Status]]:
    verdicts = IpsecStates().judge(setup, seen(setup, ages)).verdicts
    assert {one.cause for one in verdicts} <= {CauseId.IPSEC_FLUSHED, None}
    return [(one.subject, one.status) for one in verdicts if one.cause == CauseId.IPSEC_FLUSHED]


def test_a_host_whose_states_are_all_of_this_run_is_named_where_its_peers_have_had_theirs_for_long() -> None:
    assert flushed(site(), HEALTHY | {"w2": YOUNG}) == [("host w2", Status.WARNING)]


@pytest.mark.parametrize(
    ("setup", "ages"),
    [
        (site(), HEALTHY),
        (site(), dict.fromkeys(HEALTHY, YOUNG)),
        (site(), HEALTHY | {"w2": YOUNG + 30}),
        (site(), {"w1": YOUNG + 40, "w2": YOUNG, "w3": YOUNG + 40}),
        (site(network="plain"), HEALTHY | {"w2": YOUNG}),
        (site(state="starting"), HEALTHY | {"w2": YOUNG}),
        (site(), HEALTHY | {"w2": None}),
        (site(), HEALTHY | {"w2": -5}),
        (cluster(), HEALTHY | {"w2": YOUNG}),
    ],
    ids=[
        "old everywhere",
        "a new network",
        "set before the run",
        "peers not much older",
        "tasks on other networks",
        "tasks not yet running",
        "no age known",
        "a clock that was set back",
        "no task anywhere",
    ],
)
def test_new_states_that_have_another_reason_are_not_reported(setup: Setup, ages: Mapping[str, int | None]) -> None:
    assert flushed(setup, ages) == []
