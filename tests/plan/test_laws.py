"""What holds for every playbook and every cluster."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from swarmnet.plan.build import build
from tests.simulator.world import World
from tests.support.plans import book
from tests.support.simulated_state import differences, names, planned, run, seen

NETWORKS = ("front", "back", "vault")

network = st.fixed_dictionaries(
    {},
    optional={
        "attachable": st.booleans(),
        "internal": st.booleans(),
        "encrypted": st.booleans(),
        "mtu": st.sampled_from([1400, 1500]),
        "labels": st.just({"tier": "x"}),
    },
)
service = st.fixed_dictionaries(
    {"image": st.sampled_from(["probe:1", "probe:2"])},
    optional={
        "env": st.dictionaries(st.sampled_from("AB"), st.sampled_from("12")),
        "networks": st.lists(st.sampled_from(NETWORKS), unique=True),
        "labels": st.just({"tier": "y"}),
        "hostname": st.just("h"),
        "restart": st.sampled_from([{"condition": "any"}, {"delay": "1s"}]),
        "update": st.just({"parallelism": 2, "delay": "1s"}),
        "stop_grace_period": st.sampled_from(["1s", "10s"]),
    },
)
PORTS = {"web": "8080:80", "agent": "9090:80/udp"}


def modes(port: str) -> st.SearchStrategy[dict[str, object]]:
    choices: list[dict[str, object]] = [
        {"replicas": 2},
        {"mode": "global"},
        {"endpoint_mode": "dnsrr", "ports": []},
        {"endpoint_mode": "vip", "ports": [port]},
    ]
    return st.sampled_from(choices)


@st.composite
def playbooks(draw: st.DrawFn) -> str:
    """Return the steps of a playbook that is right in itself."""
    steps: list[dict[str, object]] = [{"swarm": draw(st.sampled_from([{}, {"task_history": 2}]))}]
    steps += [{"network": {"name": name} | draw(network)} for name in NETWORKS]
    for name in draw(st.lists(st.sampled_from(sorted(PORTS)), unique=True)):
        steps.append({"service": {"name": name} | draw(service) | draw(modes(PORTS[name]))})
    if draw(st.booleans()):
        steps.append({"node": {"labels": {"zone": "a"}}, "on": "manager"})
    return "\n".join(f"- {json.dumps(step)}" for step in steps)


@settings(max_examples=60, deadline=None)
@given(playbooks(), playbooks())
def test_a_plan_leads_from_any_site_to_what_it_predicts_and_is_empty_then(before: str, after: str) -> None:
    world = World(managers=1, workers=1)
    for steps in (before, after):
        made = planned(world, steps)
        assert made == planned(world, steps)
        assert build(book(steps), made.predicted, world.inventory).is_empty
        run(world, made)
        real = seen(world)
        assert differences(made.predicted, real) == []
        assert names(made.predicted) == names(real)
        world.requests.clear()
        run(world, planned(world, steps))
        assert world.writes == []
