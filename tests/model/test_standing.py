"""The health of a cluster, and what its operator does first (E3, E4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from swarmnet.errors import Part
from swarmnet.model.announced_losses import FOR_GOOD, Health
from swarmnet.model.hosts import SSHSettings
from swarmnet.model.service import PublishedPort, Service, ServiceMode, ServiceSpec, Task
from swarmnet.model.standing import failing_of, next_loss, promoted, standing, strangers
from swarmnet.model.state import ClusterState, HostFailure, SwarmMembership, SwarmStanding
from swarmnet.plan.guard import of_state
from tests.support.clusters import blank, facts, inventory, node, swarm
from tests.support.reports import status_json, status_text

if TYPE_CHECKING:
    from swarmnet.model.hosts import Inventory

HOSTS = inventory(managers=3, workers=1)
LEADERLESS = "The swarm does not have a leader"
LOST = {
    "one of three": ({"m1": "up"}, "1 of 3 managers answers, no quorum: start m2 and m3"),
    "one of three, restarted": ({"m1": "restarted"}, "1 of 3 managers answers, no quorum: start m2 and m3"),
    "one up, one locked": ({"m1": "up", "m2": "locked"}, "m2 is locked, and no manager answers for the swarm"),
    "two locked": ({"m1": "locked", "m3": "locked"}, "m1 and m3 are locked, and no manager answers for the swarm"),
    "one locked": ({"m2": "locked"}, "0 of 3 managers answer, m2 is locked, no quorum: start m1 and m3"),
    "none leads": ({"m1": "up", "m2": "up"}, f"2 of 3 managers answer, and none of them leads: {LEADERLESS}"),
    "a worker alone": ({"w1": "worker"}, "w1 is in a swarm, and no manager of the inventory answers for it"),
    "one of three, one rebuilt": (
        {"m1": "up", "m2": "fresh"},
        "1 of 3 managers answers, m2 is in no swarm any more, no quorum: start m3",
    ),
    "one of three, two rebuilt": (
        {"m1": "up", "m2": "fresh", "m3": "fresh"},
        f"1 of 3 managers answers, m2 and m3 are in no swarm any more, no quorum: {FOR_GOOD}",
    ),
    "one at fault": (
        {"m1": "up", "m2": "fault"},
        "1 of 3 managers answers, the engine of m2 is at fault (no such interface), no quorum: start m3",
    ),
    "a worker that says that it is a manager": (
        {"w1": "manager"},
        "w1 is in a swarm; w1 says that it is a manager, but is not one in <memory>",
    ),
}
STANDS = {
    "fresh": SwarmMembership(),
    "fault": SwarmMembership(state=SwarmStanding.ERROR, error="no such interface"),
    "manager": SwarmMembership(state=SwarmStanding.ACTIVE, node_id="n", is_manager=True),
    "up": SwarmMembership(state=SwarmStanding.ACTIVE, node_id="n", error=LEADERLESS),
    "restarted": SwarmMembership(state=SwarmStanding.PENDING, node_id="n", error=LEADERLESS),
    "locked": SwarmMembership(state=SwarmStanding.LOCKED),
    "worker": SwarmMembership(state=SwarmStanding.ACTIVE, node_id="n"),
}


@pytest.mark.parametrize(("who", "words"), LOST.values(), ids=LOST.keys())
def test_a_lost_cluster_says_who_answers_and_what_to_start(who: dict[str, str], words: str) -> None:
    seen = tuple(facts(HOSTS.host(name), STANDS[how]) for name, how in who.items())
    silent = tuple(HostFailure(host=host.name, reason="no route") for host in HOSTS.hosts if host.name not in who)

    found = standing(ClusterState(hosts=seen, failures=silent), HOSTS)

    assert (found.health, found.reasons) == (Health.LOST, (words,))
    assert found.cure is not None
    assert any(words in found.cure for words in ("do not reset them", "unlock", "2377", "role: manager"))


def test_a_leader_that_has_just_lost_its_majority_is_not_believed_though_it_still_answers() -> None:
    state = swarm(HOSTS)
    nodes = tuple(
        one.model_copy(update={"reachability": "unreachable"}) if one.hostname in ("m2", "m3") else one
        for one in state.nodes
    )
    hosts = tuple(one for one in state.hosts if one.host in ("m1", "w1"))
    state = state.model_copy(update={"nodes": nodes, "hosts": hosts})

    first, *rest = status_text(state, HOSTS).splitlines()
    assert first == "cluster shop: lost: 1 of 3 managers answers, no quorum: start m2 and m3"
    assert not any("one more manager lost" in one for one in rest)
    assert status_json(state, HOSTS)["standing"]["health"] == "lost"


def test_hosts_in_no_swarm_are_none() -> None:
    assert standing(blank(HOSTS), HOSTS).health is Health.ABSENT
    assert status_text(blank(HOSTS), HOSTS).splitlines()[0] == "cluster shop: no swarm: no host that answers is in one"


def test_managers_that_a_forced_new_cluster_left_behind_do_not_count() -> None:
    state = swarm(HOSTS)
    nodes = tuple(
        one.model_copy(update={"reachability": None, "status": "down"}) if one.hostname in ("m2", "m3") else one
        for one in state.nodes
    )

    found = standing(state.model_copy(update={"nodes": nodes}), HOSTS)

    assert (found.managers, found.answering, found.reasons) == (1, 1, ("node m2 is down", "node m3 is down"))


def test_a_worker_of_another_swarm_is_named_with_that_swarms_managers_and_refused() -> None:
    elsewhere = SwarmMembership(state=SwarmStanding.ACTIVE, node_id="n", managers=("192.0.2.9:2377",))
    state = blank(HOSTS)
    state = state.model_copy(update={"hosts": (*state.hosts[:-1], facts(HOSTS.host("w1"), elsewhere))})

    assert standing(state, HOSTS).health is Health.ABSENT
    (refusal,) = of_state(state, HOSTS)
    assert refusal.text == ("w1 is in a swarm that no manager of the inventory is in; its managers: 192.0.2.9:2377")
    assert refusal.flag is None


@pytest.mark.parametrize(
    ("managers", "lost", "words"),
    [
        (1, 0, "the loss of its one manager stops it"),
        (3, 0, "1 more manager may be lost"),
        (3, 1, "one more manager lost stops the swarm"),
        (4, 0, "1 more manager may be lost"),
        (5, 0, "2 more managers may be lost"),
        (5, 2, "one more manager lost stops the swarm"),
    ],
)
def test_the_margin_is_what_the_majority_leaves(managers: int, lost: int, words: str) -> None:
    hosts = inventory(managers=managers, workers=0)
    state = swarm(hosts)
    gone = {f"m{number}" for number in range(managers - lost + 1, managers + 1)}
    nodes = tuple(
        one.model_copy(update={"reachability": "unreachable", "status": "down"}) if one.hostname in gone else one
        for one in state.nodes
    )

    assert next_loss(standing(state.model_copy(update={"nodes": nodes}), hosts)) == words


def service(name: str = "web", **fields: object) -> Service:
    return Service(id=name, version=1, spec=ServiceSpec.model_validate({"name": name, "image": "i:1", **fields}))


def task(state: str, message: str = "", *, wanted: str = "running", on: str = "node-w1") -> Task:
    reported = f"{state}{message}"
    return Task(id=reported, service_id="web", node_id=on, state=state, desired_state=wanted, message=message)


def test_a_service_short_of_tasks_is_reported_with_the_engines_words() -> None:
    tasks = (
        task("running"),
        task("rejected", "No such image: i:1", wanted="shutdown"),
        task("preparing"),
        task("pending", "no suitable node", on=""),
    )
    state = swarm(HOSTS).model_copy(update={"services": (service(replicas=3),), "tasks": tasks})

    assert failing_of(state.services[0], state) == ("rejected on w1: No such image: i:1",)
    assert standing(state, HOSTS).reasons == ("web runs 1 of 3 tasks",)
    reported = status_text(state, HOSTS).splitlines()
    assert reported[0] == "cluster shop: degraded: web runs 1 of 3 tasks"
    assert reported[1].startswith("3 of 3 managers work; ")
    assert reported[-1] == "web: rejected on w1: No such image: i:1"


def test_a_global_service_that_one_node_starts_again_and_again_is_not_healthy_between_two_attempts() -> None:
    tasks = (
        task("running", on="node-m1"),
        task("rejected", "port 7777 is in use", wanted="shutdown"),
        task("ready", wanted="ready"),
    )
    everywhere = service(mode=ServiceMode.GLOBAL)
    state = swarm(HOSTS).model_copy(update={"services": (everywhere,), "tasks": tasks})

    assert failing_of(everywhere, state) == ("rejected on w1: port 7777 is in use",)
    assert standing(state, HOSTS).reasons == ("web runs 1 of 2 tasks",)


def test_attempts_that_fail_alike_are_one_reason_whatever_ids_the_engine_names() -> None:
    words = "container {0:064x}: endpoint join on GW Network failed: endpoint gateway_{0:012x} ({0:064x}): in use"
    tasks = tuple(task("failed", words.format(one), wanted="shutdown") for one in range(3))
    state = swarm(HOSTS).model_copy(update={"services": (service(),), "tasks": tasks})

    assert failing_of(state.services[0], state) == (
        "failed on w1: container ...: endpoint join on GW Network failed: endpoint gateway_... (...): in use",
    )


def test_a_task_whose_container_is_paused_makes_the_cluster_degraded_and_says_what_lets_it_go_on() -> None:
    state = swarm(HOSTS)
    there = task("running").model_copy(update={"container_id": "c1" * 32, "slot": 1})
    hosts = tuple(
        one.model_copy(update={"conditions": {"c1" * 32: "paused"} if one.host == "w1" else None})
        for one in state.hosts
    )
    state = state.model_copy(update={"services": (service(replicas=1),), "tasks": (there,), "hosts": hosts})

    found = standing(state, HOSTS)
    assert (found.health, found.reasons) == (Health.DEGRADED, ("web.1 on w1 is paused",))
    assert found.cure == "on w1: docker unpause c1c1c1c1c1c1"
    assert status_text(state, HOSTS).splitlines()[-1] == f"web: web.1 on w1 is paused: {found.cure}"
    (entry,) = status_json(state, HOSTS)["services"]
    assert entry["failing"] == [f"web.1 on w1 is paused: {found.cure}"]


def test_a_waiting_task_is_reported_where_none_has_failed() -> None:
    state = swarm(HOSTS).model_copy(
        update={"services": (service(replicas=1),), "tasks": (task("pending", "no suitable node", on=""),)}
    )

    assert failing_of(state.services[0], state) == ("pending: no suitable node",)


def test_a_service_that_runs_has_no_reasons_whatever_ended_before() -> None:
    tasks = (task("running"), task("failed", "exit 1", wanted="shutdown"))
    state = swarm(HOSTS).model_copy(update={"services": (service(),), "tasks": tasks})

    assert failing_of(state.services[0], state) == ()
    assert standing(state, HOSTS).health is Health.HEALTHY


def test_ports_have_the_number_that_the_engine_chose_in_text_and_json() -> None:
    chosen = service(ports=(PublishedPort(target=80), PublishedPort(target=81)), mode=ServiceMode.REPLICATED)
    chosen = chosen.model_copy(update={"published": (PublishedPort(target=80, published=30001),)})
    state = swarm(HOSTS).model_copy(update={"services": (chosen,), "tasks": (task("running"),)})

    reported: Any = status_json(state, HOSTS)

    assert [(one["published"], one["target"]) for one in reported["services"][0]["ports"]] == [(30001, 80), (None, 81)]
    assert "30001:80/tcp, ?:81/tcp" in status_text(state, HOSTS)


def test_nodes_without_a_host_of_the_inventory_are_named_dead_or_alive() -> None:
    state = swarm(HOSTS)
    more = (
        node(HOSTS.host("w1"), id="x9", hostname="x9", address="192.168.9.99"),
        node(HOSTS.host("w1"), id="x8", hostname="x8", address="192.168.9.98", status="down"),
    )
    state = state.model_copy(update={"nodes": (*state.nodes, *more)})

    assert strangers(state, HOSTS) == ("x9", "x8")
    assert "node x9 is in the swarm, but is not a host of the inventory" in status_text(state, HOSTS)


def test_a_host_that_does_not_answer_is_not_a_stranger() -> None:
    state = swarm(HOSTS)
    silent = state.model_copy(update={"hosts": state.hosts[:-1], "failures": (HostFailure(host="w1", reason="no"),)})

    assert strangers(silent, HOSTS) == ()


def test_a_worker_that_was_promoted_by_hand_is_drift() -> None:
    state = swarm(HOSTS)
    hosts = tuple(
        host.model_copy(update={"role": HOSTS.host("w1").role}) if host.name == "m3" else host for host in HOSTS.hosts
    )
    changed = HOSTS.model_copy(update={"hosts": hosts})

    assert promoted(state, changed) == ("m3",)
    assert "m3 is a manager of the swarm, and a worker in the inventory" in status_text(state, changed)


PARTS = {
    Part.SSH: "w1 does not answer by SSH: no answer within 5 s",
    Part.LOGIN: "w1 answers by SSH, but the login failed: no key accepted",
    Part.ENGINE: "w1 answers by SSH, but its engine cannot be asked: there is no engine socket",
    None: "w1 does not answer: gone",
}


@pytest.mark.parametrize(("part", "words"), PARTS.items())
def test_a_host_that_gives_no_answer_is_named_with_the_part_of_it_that_does_not(part: Part | None, words: str) -> None:
    brief = words.partition(": ")[2]
    failure = HostFailure(host="w1", reason=f"me@192.0.2.4:22: {brief}", brief=brief, part=part)
    state = swarm(HOSTS).model_copy(update={"failures": (failure,), "hosts": swarm(HOSTS).hosts[:-1]})
    assert words in standing(state, HOSTS).reasons
    assert f"{words.partition(':')[0]}: me@192.0.2.4:22: {brief}" in [one.text for one in of_state(state, HOSTS)]


def late(inventory_of: Inventory) -> str:
    failure = HostFailure(host="w1", reason="no answer within 5 s", part=Part.SSH, waited=5)
    return status_text(ClusterState(failures=(failure,)), inventory_of)


def test_status_says_how_long_it_waited_for_a_busy_host_and_what_waits_longer() -> None:
    assert "w1 may only be busy: --timeout 30 waits longer than 5 s" in late(HOSTS)


def test_a_limit_that_the_inventory_sets_is_named_instead() -> None:
    bounded = tuple(one.model_copy(update={"ssh": SSHSettings(connect_timeout=5)}) for one in HOSTS.hosts)
    reported = late(HOSTS.model_copy(update={"hosts": bounded}))
    assert "w1 may only be busy: raise its ssh.connect_timeout of 5 s in <memory> to wait longer" in reported
