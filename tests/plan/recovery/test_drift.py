from __future__ import annotations

import json

import pytest

from swarmnet.model.differences import What
from swarmnet.model.redaction import Cover
from swarmnet.model.state import HostFailure
from swarmnet.plan.recovery.drift import drift
from swarmnet.report.terminal.console import rendered
from swarmnet.report.terminal.drift import drift_lines
from tests.support.backups import CANARY, a_state
from tests.support.reports import drift_json


def test_two_looks_at_the_same_cluster_show_no_drift() -> None:
    assert drift(a_state(), a_state()).differences == ()


def test_ids_versions_addresses_and_forced_updates_are_not_drift() -> None:
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


def test_a_changed_field_is_shown_with_old_and_new_value() -> None:
    before = a_state()
    vault = before.networks[1]
    spec = vault.spec.model_copy(update={"mtu": 1300})
    after = before.model_copy(
        update={"networks": (before.networks[0], vault.model_copy(update={"spec": spec}), before.networks[2])}
    )
    (difference,) = drift(before, after).differences
    (change,) = difference.changes
    assert (difference.object, difference.kind) == ("network vault", What.CHANGED)
    assert (change.path, change.before, change.after) == ("mtu", 1400, 1300)


def test_objects_that_came_or_went_are_named() -> None:
    before = a_state()
    after = before.model_copy(update={"secrets": (), "networks": (before.networks[0], before.networks[2])})
    assert {(one.object, one.kind) for one in drift(before, after).differences} == {
        ("network vault", What.MISSING),
        ("secret tls-key", What.MISSING),
    }
    assert {one.kind for one in drift(after, before).differences} == {What.ADDED}


def test_what_was_not_seen_is_named_and_not_called_missing() -> None:
    before = a_state()
    failure = HostFailure(host="w1", reason="no route to host")
    after = before.model_copy(update={"hosts": before.hosts[:1], "failures": (failure,), "swarm": None})
    found = drift(before, after)
    assert found.differences == ()
    assert len(found.unseen) == 2


@pytest.mark.parametrize("shows", [False, True])
def test_values_of_the_environment_are_reported_as_changed_and_shown_on_request(*, shows: bool) -> None:
    before = a_state()
    service = before.services[0]
    spec = service.spec.model_copy(update={"env": {"DB_PASSWORD": "other", "MODE": "slow"}})
    after = before.model_copy(update={"services": (service.model_copy(update={"spec": spec}),)})
    found = drift(before, after)
    for text in (rendered(drift_lines(found, Cover(shows=shows))), json.dumps(drift_json(found, Cover(shows=shows)))):
        assert [word in text for word in ("DB_PASSWORD", "MODE")] == [True, True]
        assert [word in text for word in (CANARY, "slow")] == [shows, shows]
