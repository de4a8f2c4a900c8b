"""What the operator brings along for a restore: named once, with what to type, until it was given."""

from __future__ import annotations

import pytest

from swarmnet.model.base import Secret
from swarmnet.model.hosts import Host, Inventory, Role
from swarmnet.model.image import registry_of
from swarmnet.model.service import Service
from swarmnet.model.service_mounts import Mount, MountType
from swarmnet.model.state import ClusterState
from swarmnet.model.supply import SupplyKind
from swarmnet.model.swarm import SecretSpec, StoredSecret
from swarmnet.operations.content.names import NAME_LABEL
from swarmnet.plan.recovery.steps import Choices, restoration
from swarmnet.plan.recovery.supplies import called, places_to_ask, supplies, supplies_of
from tests.support.backups import a_document, a_state

HOSTS = Inventory(
    cluster="prod",
    hosts=(
        Host(name="n1", address="10.0.0.1", role=Role.MANAGER),
        Host(name="w1", address="10.0.0.2", role=Role.WORKER),
    ),
)


def _kinds(state: ClusterState, there: ClusterState, choices: Choices) -> dict[SupplyKind, str]:
    found = restoration(a_document(state), HOSTS, there, choices)
    return {one.kind: f"{one.what}: {one.how}" for one in supplies(found, there, choices)}


def _mounted(*mounts: Mount) -> ClusterState:
    (web,) = a_state().services
    spec = web.spec.model_copy(update={"mounts": mounts, "image": "demo:1"})
    return a_state().model_copy(update={"services": (Service(id="s1", version=20, spec=spec),)})


def test_each_thing_that_no_backup_holds_comes_with_what_to_type() -> None:
    data = Mount(type=MountType.VOLUME, source="shop_data", target="/data")
    temporary = Mount(type=MountType.TMPFS, target="/tmp")  # noqa: S108 - inside of a container
    found = _kinds(_mounted(data, temporary), ClusterState(), Choices({}, {}))
    assert found == {
        SupplyKind.HOST: "m1: add --map m1=n1, or --interactive",
        SupplyKind.SECRET: "tls-key: export RESTORE_TLS_KEY=..., and add --secrets-from env:RESTORE_",
        SupplyKind.IMAGE: "demo:1: on each new host: docker pull demo:1; or from where it is:"
        " docker save demo:1 | ssh HOST docker load",
        SupplyKind.DATA: "service web: add --exclude service/web; bring the contents yourself, then leave that out",
        SupplyKind.ADDRESS: "10.9.0.2 is now 10.0.0.2: after the restore: swarmnet show ports -i INVENTORY",
    }


def test_what_was_given_or_is_there_already_is_not_asked_for() -> None:
    given = Choices({"m1": "n1"}, {"tls-key": Secret("x")})
    assert SupplyKind.SECRET not in _kinds(a_state(), ClusterState(), given)
    assert SupplyKind.HOST not in _kinds(a_state(), ClusterState(), given)
    there = a_state().model_copy(update={"hosts": ()})
    again = _kinds(a_state(), there, Choices({}, {}))
    assert {SupplyKind.SECRET, SupplyKind.IMAGE, SupplyKind.DATA}.isdisjoint(again)


def test_what_is_left_out_needs_nothing() -> None:
    left_out = Choices({}, {}, exclude=("service/web", "secret/tls-key"))
    found = _kinds(_mounted(Mount(source="data", target="/data")), ClusterState(), left_out)
    assert found.keys() == {SupplyKind.HOST}


def test_autolock_asks_for_a_place_for_the_new_key() -> None:
    state = a_state()
    assert state.swarm is not None
    spec = state.swarm.spec.model_copy(update={"autolock": True})
    locked = state.model_copy(update={"swarm": state.swarm.model_copy(update={"spec": spec})})
    assert SupplyKind.UNLOCK_KEY in _kinds(locked, ClusterState(), Choices({}, {}))
    assert SupplyKind.UNLOCK_KEY not in _kinds(locked, ClusterState(), Choices({}, {}, unlock_key_file="key"))


def test_a_secret_has_the_variable_of_its_name_in_the_playbook_unless_two_share_it() -> None:
    def stored(name: str, label: str) -> StoredSecret:
        return StoredSecret(id=name, version=1, spec=SecretSpec(name=name, labels={NAME_LABEL: label}))

    state = a_state().model_copy(update={"secrets": (stored("pw-1", "pw"), stored("a-1", "a"), stored("a-2", "a"))})
    assert called(a_document(state)) == {"pw": "pw-1", "a-1": "a-1", "a-2": "a-2"}
    assert any("RESTORE_PW=" in one.how for one in supplies_of(a_document(state)))


@pytest.mark.parametrize(
    ("reference", "registry"),
    [
        ("nginx", "docker.io"),
        ("library/nginx:1", "docker.io"),
        ("ghcr.io/x/y@sha256:0", "ghcr.io"),
        ("localhost/x", "localhost"),
        ("reg:5000/x", "reg:5000"),
    ],
)
def test_the_registry_of_an_image(reference: str, registry: str) -> None:
    assert registry_of(reference) == registry


def test_only_hosts_without_a_place_are_asked_for() -> None:
    assert places_to_ask(a_document(), ["w1", "n1", "n2"], {}) == (("m1",), ("n1", "n2"))
    assert places_to_ask(a_document(), ["w1", "n1"], {"m1": "w1"}) == (("w1",), ("n1",))
    assert places_to_ask(a_document(), ["m1", "w1"], {}) == ((), ())
