from __future__ import annotations

import pytest

from swarmnet.errors import ConvergenceError
from swarmnet.model.network import Network, NetworkSpec
from swarmnet.model.state import ClusterState, Route
from swarmnet.operations.network.actions import ReplaceNetwork, make_network
from tests.simulator.world import World
from tests.support.clusters import inventory, overlay, swarm, with_host
from tests.support.plans import plan, refusal, reported
from tests.support.simulated_state import apply, planned

HOSTS = inventory(1, 1)


def holding(*networks: Network) -> ClusterState:
    state = swarm(HOSTS)
    return state.model_copy(update={"networks": (*state.networks, *networks)})


def on_every_host(state: ClusterState, **changes: object) -> ClusterState:
    return state.model_copy(update={"hosts": tuple(facts.model_copy(update=changes) for facts in state.hosts)})


def local(name: str, subnet: str | None = None) -> Network:
    subnets = () if subnet is None else ({"subnet": subnet},)
    return Network(id=name, spec=NetworkSpec.model_validate({"name": name, "driver": "bridge", "subnets": subnets}))


@pytest.mark.parametrize(
    ("step", "state", "text"),
    [
        ("{name: net}", holding(overlay("Net")), "'net' is already taken by 'Net'"),
        ("{name: n, subnets: [{subnet: 10.5.1.0/24}]}", holding(overlay("old", "10.5.0.0/16")), "overlaps 10.5.0.0/16"),
        ("{name: n, subnets: [10.0.0.0/24]}", holding(), "overlaps 10.0.0.0/24 of network ingress"),
        ("{name: n, subnets: [{subnet: 192.168.9.0/26}]}", holding(), "the route 192.168.9.0/24 on eth0 of m1, w1"),
        ("{name: n}", on_every_host(holding(), networks=(local("n"),)), "m1 has a local network 'n'"),
        ("{name: n, driver: bridge}", holding(overlay("n")), "the swarm already has a network 'n'"),
        ("{name: n, ipv4: false}", holding(), "an overlay always has IPv4"),
        ("{name: n, driver: bridge, ipv4: false, ipv6: true}", holding(), "ipv4: false needs engine 28.0; m1 has"),
        (
            "{name: n, driver: bridge}",
            on_every_host(holding(), networks=(local("n"), local("n"))),
            "m1 has 2 networks named 'n' (n, n): keep one",
        ),
        (
            "{name: n, options: {com.docker.network.driver.overlay.vxlanid_list: '5009'}}",
            holding(overlay("old").model_copy(update={"vnis": (5009,)})),
            "VXLAN identifier 5009 belongs to network old",
        ),
        ("{name: n, ipv6: true}", holding(), "needs engine 27.0; m1 has 26.1.5"),
        ("{name: n, config_from: c}", holding(), "config_from 'c' is missing on m1, w1"),
        ("{name: n, config_from: c, labels: {a: b}}", holding(), "engines refuse labels on a network with config_from"),
        (
            "{name: n, subnets: [{subnet: 172.18.5.0/24}]}",
            on_every_host(holding(), networks=(local("docker_gwbridge", "172.18.0.0/16"),)),
            "overlaps 172.18.0.0/16 of network docker_gwbridge on m1",
        ),
    ],
)
def test_what_meets_something_that_is_there_is_refused_with_its_name(step: str, state: ClusterState, text: str) -> None:
    assert text in refusal(f"- network: {step}", state, HOSTS)


def test_networks_of_one_playbook_may_not_ask_for_one_identifier() -> None:
    steps = """
    - network: {name: a, options: {com.docker.network.driver.overlay.vxlanid_list: "5009,5010"}}
    - network: {name: b, options: {com.docker.network.driver.overlay.vxlanid_list: "5010"}}
    """
    assert "p.yml:5:3: VXLAN identifier 5010 belongs to network a" in refusal(steps, holding(), HOSTS)


def test_networks_of_one_playbook_may_not_overlap_each_other() -> None:
    steps = """
    - network: {name: a, subnets: [{subnet: 10.5.0.0/16}]}
    - network: {name: b, subnets: [{subnet: 10.5.9.0/24}]}
    """
    assert refusal(steps, holding(), HOSTS) == "p.yml:5:3: subnet 10.5.9.0/24 overlaps 10.5.0.0/16 of network a"


def test_a_default_route_and_dockers_own_bridges_do_not_conflict() -> None:
    routes = (Route(prefix="0.0.0.0/0", device="eth0"), Route(prefix="10.5.0.0/16", device="br-0123456789ab"))
    state = on_every_host(holding(), routes=routes)
    assert reported(plan("- network: {name: n, subnets: [{subnet: 10.5.1.0/24}]}", state, HOSTS)) == [
        "network.create network n"
    ]


def test_a_bridge_is_made_on_every_selected_host() -> None:
    steps = "- network: {name: n, driver: bridge}"
    assert reported(plan(steps, holding(), HOSTS)) == [
        "network.create network n on m1",
        "network.create network n on w1",
    ]
    assert reported(plan(steps + "\n  on: w1", holding(), HOSTS)) == ["network.create network n on w1"]


def test_a_network_that_was_never_allocated_is_made_again() -> None:
    half_made = overlay("n").model_copy(update={"allocated": False})
    assert reported(plan("- network: {name: n}", holding(half_made), HOSTS)) == ["network.remake network n"]


def test_a_network_without_a_swarm_is_refused() -> None:
    state = holding().model_copy(update={"swarm": None, "nodes": (), "networks": ()})
    assert "network n needs a swarm" in refusal("- network: {name: n}", state, HOSTS)


def test_a_block_that_is_small_for_the_nodes_is_doubted() -> None:
    made = plan("- network: {name: n, subnets: [{subnet: 10.5.0.0/29}]}", holding(), inventory(3, 3))
    assert any("10.5.0.0/29 has only 5 usable addresses" in text for text in made.warnings)


def configured(**ranges: str) -> ClusterState:
    """Return a swarm whose hosts have a config-only network each, with the ranges given by host."""
    state = holding()
    hosts = []
    for facts in state.hosts:
        spec = {"name": "lan", "driver": "null", "config_only": True}
        block = {"subnet": "192.168.9.0/24", "ip_range": ranges[facts.host]}
        net = Network(id="lan", spec=NetworkSpec.model_validate({**spec, "subnets": (block,)}))
        hosts.append(facts.model_copy(update={"networks": (net,)}))
    return state.model_copy(update={"hosts": tuple(hosts)})


def lan(name: str, driver: str, parent: str) -> Network:
    spec = {"name": name, "driver": driver, "options": {"parent": parent}}
    return Network(id=name, spec=NetworkSpec.model_validate(spec))


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ("{name: n, options: {secure: 'true'}}", "no option 'secure': it would be stored and ignored"),
        ("{name: n, options: {subnet: 10.1.0.0/24}}", "did you mean subnets?"),
        ("{name: n, options: {Encrypted: ''}}", "did you mean encrypted?"),
        ("{name: n, options: {parent: eth0}}", "the overlay driver has no option 'parent'"),
        ("{name: n, driver: bridge, options: {macvlan_mode: vepa}}", "macvlan_mode is not an option of the bridge"),
        ("{name: n, driver: macvlan, options: {parent: eth0, macvlan_mode: nonsense}}", "'nonsense' does not exist"),
        ("{name: n, driver: ipvlan, options: {parent: eth0, ipvlan_mode: l4}}", "write one of l2, l3, l3s"),
        ("{name: n, driver: ipvlan, options: {parent: eth0, ipvlan_flag: up}}", "write one of bridge, private, vepa"),
        ("{name: n, driver: macvlan, options: {parent: eth0.5000}}", "VLAN 5000 does not exist: write 1 to 4094"),
        ("{name: n, driver: macvlan, options: {parent: eth0.0}}", "VLAN 0 does not exist"),
        ("{name: n, driver: macvlan, options: {parent: interface-of-the-lan}}", "have at most 15 characters"),
        (
            "{name: n, driver: bridge, options: {com.docker.network.bridge.name: bridge-of-the-shop-db}}",
            "cannot name an interface",
        ),
        ("{name: n, driver: macvlan, scope: swarm, options: {parent: eth0}}", "needs 'config_from'"),
        (
            "{name: n, driver: bridge, options: {com.docker.network.bridge.name: docker0}}",
            "'docker0' is reserved by the engine",
        ),
        ("{name: n, options: {com.docker.network.driver.overlay.vxlanid_list: '5009,x'}}", "VXLAN identifier 'x'"),
        ("{name: n, options: {com.docker.network.driver.overlay.vxlanid_list: '16777216'}}", "write 1 to 16777215"),
        ("{name: n, subnets: [127.0.1.0/24]}", "is loopback (127.0.0.0/8): containers cannot have such addresses"),
        ("{name: n, driver: bridge, subnets: [224.0.1.0/24]}", "is multicast (224.0.0.0/4)"),
        ("{name: n, subnets: [10.9.0.0]}", "not a subnet: write its length, too, such as 10.9.0.0/24"),
        ("{name: n, subnets: ['fd01::']}", "not a subnet: write its length, too, such as fd01::/64"),
    ],
)
def test_d_what_no_driver_reads_is_refused(step: str, text: str) -> None:
    assert text in refusal(f"- network: {step}", holding(), HOSTS)


@pytest.mark.parametrize("driver", ["weave", "example/plugin:latest"])
def test_d_a_plugins_driver_is_taken_in_the_swarm_with_options_of_its_own(driver: str) -> None:
    step = f"- network: {{name: n, driver: '{driver}', scope: swarm, options: {{secure: 'yes'}}}}"

    assert [action.target for action in plan(step, holding(), HOSTS).actions] == ["network n"]


@pytest.mark.parametrize(
    ("there", "step", "text"),
    [
        (
            lan("old", "ipvlan", "eth0"),
            "{name: n, driver: macvlan, options: {parent: eth0}}",
            "old (ipvlan) is already on eth0",
        ),
        (lan("old", "macvlan", "eth0"), "{name: n, driver: ipvlan, options: {parent: eth0}}", "use another parent"),
        (lan("old", "ipvlan", "eth0"), "{name: n, driver: ipvlan, options: {parent: eth0}}", "one ipvlan network"),
    ],
)
def test_d_drivers_that_cannot_share_a_parent_are_refused(there: Network, step: str, text: str) -> None:
    assert text in refusal(f"- network: {step}", on_every_host(holding(), networks=(there,)), HOSTS)


def test_d_two_bridges_of_one_name_on_a_host_are_refused() -> None:
    named = "driver: bridge, options: {com.docker.network.bridge.name: br1}"

    text = refusal(f"- network: {{name: a, {named}}}\n- network: {{name: b, {named}}}", holding(), HOSTS)

    assert "m1: bridge 'br1' belongs to network a" in text


GATED = "{subnet: 10.7.0.0/24, gateway: 10.7.0.1}"


@pytest.mark.parametrize(
    ("step", "state", "text"),
    [
        ("{name: n, driver: macvlan, options: {parent: eth9}}", holding(), "no route of m1 uses interface eth9"),
        ("{name: n, driver: macvlan, options: {parent: eth9.10}}", holding(), "it has routes on eth0"),
        (
            f"{{name: n, driver: ipvlan, options: {{parent: eth0, ipvlan_mode: l3}}, subnets: [{GATED}]}}",
            holding(),
            "ipvlan in mode l3 has no gateway",
        ),
        ("{name: n, options: {com.docker.network.nonsense: '1'}}", holding(), "not known to read option"),
        ("{name: n, ipv6: true, subnets: ['fd00:7::/64']}", holding(), "two tasks may get the same address"),
        (
            "{name: n, subnets: [172.17.0.0/16]}",
            on_every_host(holding(), networks=(local("bridge", "172.17.0.0/16"),)),
            "172.17.0.0/16 overlaps 172.17.0.0/16 of bridge bridge on m1, w1",
        ),
        (
            "{name: n, driver: macvlan, scope: swarm, config_from: lan}",
            configured(m1="192.168.9.0/25", w1="192.168.9.64/26"),
            "m1 and w1 both assign addresses from 192.168.9.64/26",
        ),
    ],
)
def test_d_what_an_engine_takes_and_does_not_do_is_warned_of(step: str, state: ClusterState, text: str) -> None:
    assert text in "\n".join(plan(f"- network: {step}", state, HOSTS).warnings)


@pytest.mark.parametrize(
    ("step", "state"),
    [
        ("{name: n, driver: macvlan, options: {parent: eth0.10}}", holding()),
        ("{name: n, options: {com.example.owner: shop}}", holding()),
        ("{name: n, options: {com.docker.network.driver.overlay.vxlanid_list: '5009'}}", holding()),
        (
            "{name: n, driver: macvlan, scope: swarm, config_from: lan}",
            configured(m1="192.168.9.0/26", w1="192.168.9.64/26"),
        ),
    ],
)
def test_d_what_works_is_planned_without_a_word(step: str, state: ClusterState) -> None:
    assert plan(f"- network: {step}", state, HOSTS).warnings == ()


def test_a9_a_network_with_the_vxlan_identifier_that_was_asked_for_is_left_alone() -> None:
    world = World(managers=1)
    steps = "- swarm: {}\n- network: {name: n, options: {com.docker.network.driver.overlay.vxlanid_list: '5009'}}\n"

    apply(world, steps)

    assert planned(world, steps).is_empty
    assert not planned(world, steps.replace("5009", "5010")).is_empty


def test_a9_an_identifier_that_another_network_has_is_named_as_the_reason() -> None:
    world = World(managers=1)
    steps = "- swarm: {}\n- network: {name: n, options: {com.docker.network.driver.overlay.vxlanid_list: '5009'}}\n"
    apply(world, steps)

    late = NetworkSpec(name="m", options={"com.docker.network.driver.overlay.vxlanid_list": "5009"})

    with pytest.raises(ConvergenceError, match="VXLAN identifier 5009 belongs to network n"):
        make_network(world.ports(), late, None)


LIVE = {
    "overlay": {
        "driver": "overlay",
        "attachable": True,
        "mtu": 1300,
        "subnets": ({"subnet": "10.120.0.0/24", "gateway": "10.120.0.7", "ip_range": "10.120.0.128/25"},),
        "options": {"dsr": ""},
        "labels": {"l": "v"},
        "ipam_options": {"a": "b"},
    },
    "bridge": {
        "driver": "bridge",
        "attachable": True,
        "ipv6": True,
        "subnets": ({"subnet": "172.28.0.0/24", "aux_addresses": {"x": "172.28.0.7"}}, {"subnet": "fd00:8::/64"}),
        "options": {"com.docker.network.bridge.name": "br7"},
        "labels": {"l": "v"},
    },
}
"""What others made, with fields that no step below names."""


def live(driver: str) -> ClusterState:
    net = Network(id="x", spec=NetworkSpec.model_validate({"name": "n", **LIVE[driver]}))
    return on_every_host(holding(), networks=(net,)) if driver == "bridge" else holding(net)


@pytest.mark.parametrize("driver", LIVE)
def test_a_network_that_a_step_only_names_is_left_as_it_is(driver: str) -> None:
    assert plan(f"- network: {{name: n, driver: {driver}}}", live(driver), HOSTS).actions == ()


@pytest.mark.parametrize("driver", LIVE)
@pytest.mark.parametrize("field", ["internal: true", "attachable: false", "mtu: 1400", "options: {my.own: b}"])
def test_a4_a_replaced_network_keeps_every_field_that_its_step_does_not_name(driver: str, field: str) -> None:
    state = live(driver)
    made = plan(f"- network: {{name: n, driver: {driver}, {field}}}", state, HOSTS)
    name = field.partition(":")[0]
    for action in made.actions:
        assert isinstance(action, ReplaceNetwork)
        kept = {one for one in NetworkSpec.model_fields if getattr(action.spec, one) == getattr(action.before, one)}
        assert NetworkSpec.model_fields.keys() - kept == {name}
        assert [change.path.partition(".")[0] for change in action.changes] == [name]
    assert len(made.actions) == (len(state.hosts) if driver == "bridge" else 1)


def test_a_step_that_names_no_driver_keeps_the_driver_of_a_network_of_the_swarm() -> None:
    lan = NetworkSpec.model_validate({"name": "lan", "driver": "macvlan", "scope": "swarm", "config_from": "cfg"})
    assert plan("- network: {name: lan}", holding(Network(id="x", spec=lan)), HOSTS).actions == ()


@pytest.mark.parametrize("driver", ["overlay", "bridge"])
def test_a_network_that_has_an_ipv6_block_needs_no_newer_engine_to_be_described(driver: str) -> None:
    blocks = ({"subnet": "10.120.0.0/24"}, {"subnet": "fd00:8::/64"})
    six = Network(
        id="x", spec=NetworkSpec.model_validate({"name": "n", "driver": driver, "ipv6": True, "subnets": blocks})
    )
    state = on_every_host(holding(), networks=(six,)) if driver == "bridge" else holding(six)
    assert plan(f"- network: {{name: n, driver: {driver}, ipv6: true}}", state, HOSTS).actions == ()


def test_two_new_networks_with_one_vxlan_identifier_are_refused_in_the_plan() -> None:
    option = "{com.docker.network.driver.overlay.vxlanid_list: '5009'}"
    steps = f"- network: {{name: a, options: {option}}}\n- network: {{name: b, options: {option}}}"
    said = refusal(steps, holding(), HOSTS)
    assert said.startswith("p.yml:5:")
    assert "VXLAN identifier 5009 belongs to network a" in said


def with_macvlan(version: str) -> ClusterState:
    """Return hosts of an API version with a macvlan network on eth0."""
    state = holding()
    engine = state.hosts[0].engine.model_copy(update={"api_version": version})
    return on_every_host(state, engine=engine, networks=(lan("old", "macvlan", "eth0"),))


def test_engines_before_27_take_one_macvlan_network_an_interface() -> None:
    step = "- network: {name: n, driver: macvlan, options: {parent: eth0}}"
    said = refusal(step, with_macvlan("1.45"), HOSTS)
    assert "takes one macvlan network an interface, engines from 27.0 several" in said
    assert plan(step, with_macvlan("1.46"), HOSTS).actions
    alone = "- network: {name: n, driver: macvlan, options: {parent: eth0, macvlan_mode: passthru}}"
    assert "mode passthru takes it alone" in refusal(alone, with_macvlan("1.51"), HOSTS)


def test_an_overlay_with_an_ipv6_subnet_is_refused_where_the_engine_never_allocates_it() -> None:
    step = "- network: {name: n, ipv6: true, subnets: ['10.77.0.0/24', 'fd00:7::/64']}"
    engine = holding().hosts[0].engine.model_copy(update={"api_version": "1.51", "version": "28.5.2"})
    said = refusal(step, on_every_host(holding(), engine=engine), HOSTS)
    assert "m1 has engine 28.5.2, which never allocates an overlay with an IPv6 subnet" in said


def test_hosts_that_would_give_out_the_same_addresses_of_the_lan_are_named() -> None:
    step = "- network: {name: n, driver: macvlan, options: {parent: eth0}, subnets: [192.168.9.0/24]}"
    warned = plan(step, holding(), HOSTS).warnings
    assert "m1, w1 all assign addresses from 192.168.9.0/24" in "\n".join(warned)
    assert "all give out" not in "\n".join(plan(f"{step}\n  on: m1", holding(), HOSTS).warnings)


def test_a_bridge_that_overlaps_a_network_of_the_swarm_is_warned_of() -> None:
    step = "- network: {name: n, driver: bridge, subnets: [10.5.1.0/24]}"
    warned = plan(step, holding(overlay("front", "10.5.0.0/16")), HOSTS).warnings
    assert "10.5.1.0/24 overlaps 10.5.0.0/16 of the swarm's network front: no container can be" in "\n".join(warned)


@pytest.mark.parametrize(
    ("encrypted", "path", "warns"), [(True, "10.77.0.2", 1), (True, None, 0), (False, "10.77.0.2", 0)]
)
def test_an_encrypted_network_next_to_a_data_path_of_its_own_is_a_warning(
    path: str | None, *, encrypted: bool, warns: int
) -> None:
    hosts = with_host(HOSTS, "w1", data_path=path)
    step = f"- network: {{name: n, encrypted: {str(encrypted).lower()}}}"
    found = [one for one in plan(step, holding(), hosts).warnings if "moby#41421" in one]
    assert len(found) == warns
    assert all("overlays of w1 (10.77.0.2, not 192.168.9.2) go by an address of their own" in one for one in found)
