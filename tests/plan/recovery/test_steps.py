from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import DocumentError, IncompleteError, RefusedError, UsageError
from swarmnet.model.base import Secret
from swarmnet.model.hosts import Availability, Host, Inventory, Role
from swarmnet.model.plan import MANAGED_LABEL, RESTORE_LABEL, unmarked
from swarmnet.model.state import HostFailure, Route
from swarmnet.plan.build import build
from swarmnet.plan.recovery.steps import Choices, Restoration, restoration
from tests.support.backups import CANARY, a_document, a_state
from tests.support.clusters import blank, facts
from tests.support.plans import reported

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.plan import Plan
    from swarmnet.model.state import ClusterState

NEW = Inventory(
    cluster="reborn",
    hosts=(
        Host(name="n1", address="192.168.9.1", role=Role.MANAGER),
        Host(name="n2", address="192.168.9.2", labels={"rack": "new"}),
    ),
)
MAP = {"m1": "n1", "w1": "n2"}
DATA = {"tls-key": Secret(CANARY)}
BOXES = ["container box on n1", "container box on n2"]
"""What no restore creates."""


def _restored(
    document: BackupDocument | None = None,
    state: ClusterState | None = None,
    *,
    mapping: Mapping[str, str] = MAP,
    secrets: Mapping[str, Secret] = DATA,
    allow_partial: bool = False,
) -> Restoration:
    choices = Choices(mapping=mapping, secrets=secrets, allow_partial=allow_partial)
    return restoration(document or a_document(), NEW, state or blank(NEW), choices)


def _plan(found: Restoration, state: ClusterState | None = None) -> Plan:
    return build(found.playbook, state or blank(NEW), found.inventory)


def test_everything_comes_back_in_the_order_of_its_needs() -> None:
    assert reported(_plan(_restored())) == [
        "swarm.init swarm reborn on n1",
        "swarm.join-worker node n2",
        "node.update node n1",
        "node.update node n2",
        "network.create network lan on n1",
        "network.create network lan on n2",
        "network.create network front",
        "network.create network vault",
        "config.create config site.conf",
        "secret.create secret tls-key",
        "service.create service web",
    ]


def test_the_swarm_begins_with_the_old_settings_that_only_init_can_set() -> None:
    predicted = _plan(_restored()).predicted
    assert predicted.swarm is not None
    spec, old = predicted.swarm.spec, a_state().swarm
    assert old is not None
    assert (spec.default_addr_pool, spec.subnet_size, spec.data_path_port) == (("10.30.0.0/16",), 24, 4789)
    assert spec.task_history == old.spec.task_history


def test_allocated_subnets_and_gateways_are_written_out() -> None:
    front = _plan(_restored()).predicted.network("front")
    assert front is not None
    assert [(block.subnet, block.gateway) for block in front.spec.subnets] == [("10.30.1.0/24", "10.30.1.1")]
    assert unmarked(front.spec.labels) == {"tier": "front"}
    assert front.spec.labels[MANAGED_LABEL] == "reborn"
    assert front.spec.labels[RESTORE_LABEL] == a_document().id


def test_old_labels_and_availability_come_to_the_mapped_hosts_unless_the_inventory_says_otherwise() -> None:
    state = a_state()
    drained = state.nodes[1].spec.model_copy(update={"availability": Availability.DRAIN})
    nodes = (state.nodes[0], state.nodes[1].model_copy(update={"spec": drained}))
    n1, n2 = _restored(a_document(state.model_copy(update={"nodes": nodes}))).inventory.hosts
    assert (n1.labels, n1.availability) == ({"rack": "m1"}, Availability.ACTIVE)
    assert (n2.labels, n2.availability) == ({"rack": "new"}, Availability.DRAIN)


def test_a_second_plan_on_the_restored_cluster_is_empty() -> None:
    first = _plan(_restored())
    again = _restored(state=first.predicted, secrets={})
    assert [skip.what for skip in again.skips] == BOXES
    assert _plan(again, first.predicted).is_empty


def test_a_secret_without_data_is_skipped_with_the_services_that_need_it() -> None:
    found = _restored(secrets={})
    assert [skip.what for skip in found.skips] == [*BOXES, "secret tls-key", "service web"]
    assert not any("web" in line or "tls-key" in line for line in reported(_plan(found)))


def test_no_plan_contains_the_data_of_secrets() -> None:
    made = _plan(_restored())
    texts = [made.model_dump_json(serialize_as_any=True), repr(made), *(repr(one) for one in made.actions)]
    action = next(one for one in made.actions if one.kind == "secret.create")
    assert "tls-key" in texts[0]
    texts.append(action.model_dump_json())
    env_less = [
        text.replace(f'"DB_PASSWORD":"{CANARY}"', "").replace(f"'DB_PASSWORD': '{CANARY}'", "") for text in texts
    ]
    assert not any(CANARY in text for text in env_less)


def test_placements_on_old_nodes_move_with_the_mapping() -> None:
    state = a_state()
    pins = ("node.hostname==w1", "node.id != node-m1", "node.labels.rack==w1")
    spec = state.services[0].spec.model_copy(update={"constraints": pins})
    service = state.services[0].model_copy(update={"spec": spec})
    made = _plan(_restored(a_document(state.model_copy(update={"services": (service,)}))))
    web = made.predicted.service("web")
    assert web is not None
    assert web.spec.constraints == ("node.hostname==n2", "node.hostname!=n1", "node.labels.rack==w1")


def test_hosts_that_are_not_mapped_are_listed_and_their_local_networks_left() -> None:
    found = _restored(mapping={"m1": "n1"})
    assert [skip.what for skip in found.skips] == ["host w1", BOXES[0]]
    assert "network.create network lan on n2" not in reported(_plan(found))


@pytest.mark.parametrize("mapping", [{"m9": "n1"}, {"m1": "n9"}, {"m1": "n1", "w1": "n1"}])
def test_a_mapping_of_unknown_hosts_or_of_two_to_one_is_refused(mapping: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        _restored(mapping=mapping)


def test_a_partial_backup_is_restored_only_when_that_is_allowed() -> None:
    state = a_state().model_copy(update={"failures": (HostFailure(host="w2", reason="dead"),)})
    with pytest.raises(IncompleteError, match="w2"):
        _restored(a_document(state))
    assert _restored(a_document(state), allow_partial=True).playbook.steps


def test_a_backup_of_nothing_is_an_error_and_not_a_success() -> None:
    empty = a_document(blank(NEW))
    with pytest.raises(IncompleteError, match="nothing"):
        _restored(empty, mapping={}, allow_partial=True)


def test_engines_older_than_all_of_the_backup_are_refused() -> None:
    state = blank(NEW).model_copy(update={"hosts": (facts(NEW.hosts[0], version="1.41"),)})
    with pytest.raises(RefusedError, match="n1"):
        _restored(state=state)


def test_a_config_of_the_same_name_with_other_data_is_a_conflict() -> None:
    first = _plan(_restored()).predicted
    spec = first.configs[0].spec.model_copy(update={"data": b"other"})
    state = first.model_copy(update={"configs": (first.configs[0].model_copy(update={"spec": spec}),)})
    with pytest.raises(DocumentError, match="other data"):
        _plan(_restored(state=state), state)


def test_the_engines_own_default_pool_is_not_pinned_so_that_it_fits_hosts_in_ten_dot_x() -> None:
    hosts = Inventory(cluster="ten", hosts=(Host(name="n1", address="10.214.77.11", role=Role.MANAGER),))
    seen = facts(hosts.hosts[0]).model_copy(update={"routes": (Route(prefix="10.214.77.0/24", device="eth0"),)})
    target = blank(hosts).model_copy(update={"hosts": (seen,)})
    old = a_state()
    assert old.swarm is not None
    pool = old.swarm.spec.model_copy(update={"default_addr_pool": ("10.0.0.0/8",), "subnet_size": 24})
    document = a_document(old.model_copy(update={"swarm": old.swarm.model_copy(update={"spec": pool})}))
    found = restoration(document, hosts, target, Choices(mapping={"m1": "n1"}, secrets=DATA))
    made = build(found.playbook, target, found.inventory).predicted
    assert made.swarm is not None
    assert made.swarm.spec.default_addr_pool is None
