from __future__ import annotations

import pytest

from swarmnet.model.hosts import Role
from swarmnet.model.plan import MANAGED_LABEL
from swarmnet.model.state import ClusterState, Route, SwarmMembership, SwarmStanding
from swarmnet.model.swarm import NodeSpec
from tests.support.clusters import blank, facts, inventory, member, node, swarm, with_host
from tests.support.plans import plan, refusal, reported

STEP = "- swarm: {}"


def with_facts(state: ClusterState, host: str, **changes: object) -> ClusterState:
    hosts = tuple(one.model_copy(update=changes) if one.host == host else one for one in state.hosts)
    return state.model_copy(update={"hosts": hosts})


def with_member(state: ClusterState, host: str, membership: SwarmMembership) -> ClusterState:
    seen = state.facts(host)
    assert seen is not None
    return with_facts(state, host, engine=seen.engine.model_copy(update={"membership": membership}))


def test_blank_hosts_become_one_swarm_that_begins_on_the_first_manager() -> None:
    hosts = inventory()
    assert reported(plan(STEP, blank(hosts), hosts)) == [
        "swarm.init swarm shop on m1",
        "swarm.join-manager node m2",
        "swarm.join-manager node m3",
        "swarm.join-worker node w1",
        "swarm.join-worker node w2",
    ]


def test_managers_join_one_by_one_and_workers_side_by_side() -> None:
    hosts = inventory()
    batches = plan(STEP, blank(hosts), hosts).batches
    assert [len(batch) for batch in batches] == [1, 1, 1, 2]


def test_a_whole_swarm_needs_nothing() -> None:
    hosts = inventory()
    assert plan(STEP, swarm(hosts), hosts).is_empty


def test_labels_of_the_inventory_are_laid_over_those_of_other_hands() -> None:
    hosts = with_host(inventory(), "w1", labels={"zone": "a"})
    state = swarm(inventory())
    foreign = tuple(
        one.model_copy(update={"spec": one.spec.model_copy(update={"labels": {"by": "hand"}})}) for one in state.nodes
    )
    made = plan(STEP, state.model_copy(update={"nodes": foreign}), hosts)
    assert reported(made) == ["node.update node w1"]
    after = next(one for one in made.predicted.nodes if one.hostname == "w1")
    assert after.spec.labels == {"by": "hand", "zone": "a"}


def test_a_worker_of_another_swarm_is_refused_by_name() -> None:
    hosts = inventory()
    state = with_member(swarm(hosts), "w2", member(hosts.host("w2"), "node-of-elsewhere"))
    assert "w2 belongs to another swarm" in refusal(STEP, state, hosts)


def test_a_host_in_a_swarm_without_an_answering_manager_is_refused_by_name() -> None:
    hosts = inventory()
    state = with_member(blank(hosts), "w1", member(hosts.host("w1")))
    assert "w1 belongs to a swarm that no host of the inventory answers for" in refusal(STEP, state, hosts)


def test_a_swarm_that_bears_the_mark_of_another_cluster_is_refused() -> None:
    hosts = inventory()
    state = swarm(hosts)
    assert state.swarm is not None
    marked = state.swarm.spec.model_copy(update={"labels": {MANAGED_LABEL: "bank"}})
    state = state.model_copy(update={"swarm": state.swarm.model_copy(update={"spec": marked})})
    assert "label says cluster 'bank'" in refusal(STEP, state, hosts)


def test_an_unmarked_swarm_without_the_first_manager_is_someone_elses() -> None:
    hosts = inventory()
    state = swarm(hosts)
    assert state.swarm is not None
    unmarked = state.swarm.model_copy(update={"spec": state.swarm.spec.model_copy(update={"labels": {}})})
    state = with_member(state.model_copy(update={"swarm": unmarked}), "m1", SwarmMembership())
    assert "belong to a swarm without m1" in refusal(STEP, state, hosts)


def test_an_engine_that_waits_for_its_key_is_named() -> None:
    hosts = inventory()
    state = with_member(swarm(hosts), "m3", SwarmMembership(state=SwarmStanding.LOCKED))
    assert "the swarm state of m3 is locked; give it its key: swarmnet unlock" in refusal(STEP, state, hosts)


def test_no_swarm_begins_while_a_manager_that_may_hold_it_is_silent() -> None:
    hosts = inventory()
    state = blank(hosts)
    state = state.model_copy(update={"hosts": tuple(one for one in state.hosts if one.host != "m2")})
    assert "m2 does not answer and may have the swarm" in refusal(STEP, state, hosts)


def test_live_restore_is_refused_before_anything_is_changed() -> None:
    hosts = inventory()
    state = blank(hosts)
    seen = state.facts("w1")
    assert seen is not None
    state = with_facts(state, "w1", engine=seen.engine.model_copy(update={"live_restore": True}))
    assert "w1 has live-restore on" in refusal(STEP, state, hosts)


def test_an_engine_that_writes_nftables_is_refused_before_anything_is_changed() -> None:
    hosts = inventory()
    state = blank(hosts)
    seen = state.facts("w1")
    assert seen is not None
    state = with_facts(state, "w1", engine=seen.engine.model_copy(update={"firewall": "nftables+firewalld"}))
    assert "w1 has nftables as its engine's firewall backend" in refusal(STEP, state, hosts)


def test_what_init_sets_for_good_is_refused_on_a_swarm_that_differs() -> None:
    hosts = inventory()
    text = refusal("- swarm: {default_addr_pool: [10.20.0.0/16], subnet_size: 26}", swarm(hosts), hosts)
    assert "default_addr_pool is ['10.0.0.0/8'] and cannot become ['10.20.0.0/16']" in text
    assert "subnet_size is 24 and cannot become 26" in text


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ("default_addr_pool: [127.0.0.0/12]", "address pool 127.0.0.0/12 is loopback"),
        ("default_addr_pool: ['fd00::/48']", "is IPv6: engines accept only IPv4 pools"),
        ("default_addr_pool: [10.128.0.0/28]", "is smaller than one subnet of it, a /24"),
        ("default_addr_pool: [10.128.0.0/12, 10.130.0.0/16]", "pools 10.128.0.0/12 and 10.130.0.0/16 overlap"),
        ("data_path_port: 7946", "data_path_port 7946 is used for gossip"),
    ],
)
def test_d_settings_with_which_no_engine_begins_a_swarm_are_refused(settings: str, text: str) -> None:
    hosts = inventory()
    assert text in refusal(f"- swarm: {{{settings}}}", blank(hosts), hosts)


def test_an_address_pool_that_meets_a_route_of_a_host_is_refused() -> None:
    hosts = inventory()
    state = with_facts(blank(hosts), "w1", routes=(Route(prefix="10.20.3.0/24", device="eth1"),))
    text = refusal("- swarm: {default_addr_pool: [10.20.0.0/16]}", state, hosts)
    assert "10.20.0.0/16 overlaps 10.20.3.0/24 on eth1 of w1" in text


def test_an_interface_name_becomes_the_one_address_on_it() -> None:
    hosts = with_host(inventory(1, 0), "m1", advertise="eth1")
    routes = (Route(prefix="192.168.9.0/24", device="eth0"), Route(prefix="172.30.0.0/24", device="eth1"))
    state = with_facts(blank(hosts), "m1", routes=routes, addresses=("192.168.9.1", "172.30.0.7"))
    made = plan(STEP, state, hosts)
    assert made.predicted.nodes[0].address == "172.30.0.7"


def test_an_address_that_the_host_does_not_have_is_refused() -> None:
    hosts = with_host(inventory(1, 0), "m1", advertise="203.0.113.9")
    assert "203.0.113.9 is not an address of the host" in refusal(STEP, blank(hosts), hosts)


def test_roles_follow_the_inventory_promotions_first() -> None:
    before = inventory()
    after = with_host(with_host(before, "m3", role=Role.WORKER), "w1", role=Role.MANAGER)
    assert reported(plan(STEP, swarm(before), after)) == ["node.role node w1", "node.role node m3"]


def test_a_host_that_booted_without_network_is_advised_to_restart_its_engine() -> None:
    hosts = inventory()
    state = with_member(
        swarm(hosts), "m3", SwarmMembership(state=SwarmStanding.ERROR, error="failed to rejoin cluster")
    )
    text = refusal(STEP, state, hosts)
    assert "the swarm state of m3 is error: failed to rejoin cluster; engines try to join only when they start" in text


def test_a_demotion_that_costs_the_quorum_is_refused() -> None:
    before = inventory(3, 0)
    after = with_host(before, "m3", role=Role.WORKER)
    state = swarm(before)
    nodes = tuple(
        one.model_copy(update={"reachability": "unreachable"}) if one.hostname == "m2" else one for one in state.nodes
    )
    text = refusal(STEP, state.model_copy(update={"nodes": nodes}), after)
    assert "demoting m3 leaves 1 of 2 managers reachable" in text


def test_a_manager_that_joined_again_loses_its_dead_vote_first_and_keeps_its_labels() -> None:
    hosts = inventory()
    state = with_member(swarm(hosts), "m3", SwarmMembership())
    dead = node(hosts.host("m3"), status="down", reachability="unreachable")
    dead = dead.model_copy(update={"spec": dead.spec.model_copy(update={"labels": {"rack": "7"}})})
    state = state.model_copy(update={"nodes": (*state.nodes[:2], dead, *state.nodes[3:])})
    made = plan(STEP, state, hosts)
    assert reported(made) == [
        "node.role node m3",
        "swarm.join-manager node m3",
        "node.update node m3",
        "node.remove node m3",
    ]
    assert [one.spec.labels for one in made.predicted.nodes if one.hostname == "m3"] == [{"rack": "7"}]


def nameless(state: ClusterState, **fields: object) -> ClusterState:
    """Return the state without w2 in the swarm, but with an entry whose node never reported itself."""
    seen = {"id": "n-lost", "hostname": "", "status": "unknown", "address": "", "reachability": None, **fields}
    state = with_member(state, "w2", SwarmMembership())
    assert state.nodes[-1].hostname == "w2"
    return state.model_copy(update={"nodes": (*state.nodes[:-1], state.nodes[-1].model_copy(update=seen))})


def test_the_entry_of_a_host_that_died_while_it_joined_goes_though_it_never_got_a_name() -> None:
    hosts = inventory()
    made = plan(STEP, nameless(swarm(hosts)), hosts)
    assert reported(made) == ["swarm.join-worker node w2", "node.remove node n-lost"]
    assert "left by a host that died while it joined" in made.actions[-1].why
    assert [node.hostname for node in made.predicted.nodes] == ["m1", "m2", "m3", "w1", "w2"]


def test_a_nameless_manager_is_known_by_its_address_and_loses_its_vote_first() -> None:
    hosts = inventory()
    address = node(hosts.host("w2")).address
    role = NodeSpec(role=Role.MANAGER)
    seen = nameless(
        swarm(hosts), spec=role, address=address, manager_address=f"{address}:2377", reachability="unreachable"
    )
    made = plan(STEP, seen, hosts)
    assert reported(made) == ["node.role node n-lost", "swarm.join-worker node w2", "node.remove node n-lost"]


def test_a_nameless_entry_stays_while_it_may_be_someone() -> None:
    hosts = inventory()
    state = nameless(swarm(hosts))
    silent = state.model_copy(update={"hosts": tuple(one for one in state.hosts if one.host != "w1")})
    assert "node.remove node n-lost" not in reported(plan(STEP, silent, hosts))
    ready = nameless(swarm(hosts), status="ready")
    assert "node.remove node n-lost" not in reported(plan(STEP, ready, hosts))


def test_managers_are_not_added_while_another_is_unreachable() -> None:
    hosts = inventory()
    state = with_member(swarm(hosts), "m3", SwarmMembership())
    lost = node(hosts.host("m2"), reachability="unreachable", status="down")
    state = state.model_copy(update={"nodes": (state.nodes[0], lost, *state.nodes[3:])})
    assert "manager m2 is unreachable: adding m3 now" in refusal(STEP, state, hosts)


def test_copied_engines_are_refused() -> None:
    hosts = inventory(1, 2)
    state = blank(hosts)
    twin = facts(hosts.host("w2"))
    twin = twin.model_copy(update={"engine": twin.engine.model_copy(update={"id": "engine-w1"})})
    state = state.model_copy(update={"hosts": (*state.hosts[:2], twin)})
    assert "w1 is a copy of another host" in refusal(STEP, state, hosts)


def test_an_even_number_of_managers_is_doubted() -> None:
    hosts = inventory(2, 0)
    warnings = plan(STEP, blank(hosts), hosts).warnings
    assert any("2 managers survive the loss of 0" in text for text in warnings)
