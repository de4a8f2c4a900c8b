from __future__ import annotations

from swarmnet.model.drift import Kind
from swarmnet.model.state import HostFailure
from swarmnet.plan.drift import drift
from tests.backups import CANARY, a_state


def test_two_looks_at_the_same_cluster_show_no_drift() -> None:
    assert drift(a_state(), a_state()).differences == ()


def test_ids_versions_addresses_and_forced_updates_are_no_drift() -> None:
    before = a_state()
    service = before.services[0]
    spec = service.spec.model_copy(update={"extra": {"TaskTemplate": {"ForceUpdate": 3}}})
    after = before.model_copy(
        update={
            "networks": tuple(net.model_copy(update={"id": "new", "vnis": (9,)}) for net in before.networks),
            "services": (service.model_copy(update={"id": "new", "version": 99, "virtual_ips": {}, "spec": spec}),),
        }
    )
    known = service.model_copy(
        update={"spec": service.spec.model_copy(update={"extra": {"TaskTemplate": {"ForceUpdate": 0}}})}
    )
    assert drift(before.model_copy(update={"services": (known,)}), after).differences == ()


def test_a_changed_field_is_told_with_old_and_new_value() -> None:
    before = a_state()
    vault = before.networks[1]
    spec = vault.spec.model_copy(update={"mtu": 1300})
    after = before.model_copy(
        update={"networks": (before.networks[0], vault.model_copy(update={"spec": spec}), before.networks[2])}
    )
    (difference,) = drift(before, after).differences
    (change,) = difference.changes
    assert (difference.object, difference.kind) == ("network vault", Kind.CHANGED)
    assert (change.path, change.before, change.after) == ("mtu", 1400, 1300)


def test_objects_that_came_or_went_are_told_by_name() -> None:
    before = a_state()
    after = before.model_copy(update={"secrets": (), "networks": (before.networks[0], before.networks[2])})
    assert {(one.object, one.kind) for one in drift(before, after).differences} == {
        ("network vault", Kind.MISSING),
        ("secret tls-key", Kind.MISSING),
    }
    assert {one.kind for one in drift(after, before).differences} == {Kind.ADDED}


def test_what_was_not_seen_is_named_and_not_called_missing() -> None:
    before = a_state()
    failure = HostFailure(host="w1", reason="no route to host")
    after = before.model_copy(update={"hosts": before.hosts[:1], "failures": (failure,), "swarm": None})
    found = drift(before, after)
    assert found.differences == ()
    assert len(found.unseen) == 2


def test_values_that_look_like_secrets_never_stand_in_a_drift() -> None:
    before = a_state()
    service = before.services[0]
    spec = service.spec.model_copy(update={"env": {"DB_PASSWORD": "other", "MODE": "slow"}})
    after = before.model_copy(update={"services": (service.model_copy(update={"spec": spec}),)})
    text = drift(before, after).model_dump_json()
    assert CANARY not in text
    assert "slow" in text
