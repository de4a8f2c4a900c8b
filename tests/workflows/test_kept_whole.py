"""Services of kinds that few have: plugins as services, and mounts of cluster volumes. Nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.engine.wire.service import Names, service_to_wire, spec_from_wire
from swarmnet.model.compare import service_changes
from swarmnet.model.service import ServiceSpec
from swarmnet.plan.build import build
from tests.simulator import World
from tests.support.any_cluster import HOSTS
from tests.workflows.test_adopt import adopted, applied, read, seen
from tests.workflows.test_restore_law import backup_of, check_differences, restored_on

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject

PLUGIN: JsonObject = {
    "Name": "sshfs",
    "Remote": "example/sshfs:1",
    "Disabled": True,
    "PluginPrivilege": [{"Name": "network", "Description": "reach hosts", "Value": ["host"]}],
}
KINDS: dict[str, dict[str, object]] = {
    "plugin": {
        "image": "",
        "mode": "global",
        "restart": {"condition": "none", "max_attempts": 0},
        "extra": {"TaskTemplate": {"Runtime": "plugin", "PluginSpec": PLUGIN}},
    },
    "cluster": {
        "image": "a:1",
        "mounts": [
            {"type": "cluster", "source": "group:fast", "target": "/d", "read_only": True},
            {"type": "cluster", "source": "data", "target": "/e"},
        ],
    },
}


@pytest.fixture(params=KINDS)
def there(request: pytest.FixtureRequest) -> World:
    world = World(inventory=HOSTS)
    for machine in world.machines.values():
        machine.run_engine("28.5")
    world.bootstrap()
    world.engine("m1").services.create(ServiceSpec.model_validate({"name": "it", **KINDS[request.param]}))
    world.settle()
    return world


def _spec(world: World) -> ServiceSpec:
    service = seen(world).service("it")
    assert service is not None
    return service.spec


def test_an_adopted_playbook_describes_it_changes_nothing_and_makes_it_again(there: World) -> None:
    made = adopted(there)
    assert made.left_out == {}
    assert build(read(made), seen(there), there.inventory).actions == ()

    fresh = World(inventory=HOSTS)
    for machine in fresh.machines.values():
        machine.run_engine("28.5")
    applied(fresh, read(made))
    assert service_changes(_spec(there), _spec(fresh)) == ()
    assert _spec(fresh).extra == _spec(there).extra


def test_a_change_of_labels_changes_nothing_else(there: World) -> None:
    before, made = _spec(there), adopted(there)
    applied(there, read(replace(made, text=made.text.replace("name: it\n", "name: it\n      labels: {a: b}\n", 1))))
    assert _spec(there) == before.model_copy(update={"labels": {"a": "b"}})


def test_a_plugin_is_sent_alone_without_a_container() -> None:
    spec = ServiceSpec.model_validate({"name": "it", **KINDS["plugin"]})
    body = service_to_wire(spec, Names())
    assert body["TaskTemplate"] == {
        "Runtime": "plugin",
        "PluginSpec": PLUGIN,
        "RestartPolicy": {"Condition": "none", "MaxAttempts": 0},
    }
    assert spec_from_wire(body, Names()) == spec


def test_a_backup_brings_it_back_on_fresh_hosts(there: World) -> None:
    found, fresh = backup_of(there), World(inventory=HOSTS)
    for machine in fresh.machines.values():
        machine.run_engine("28.5")
    report = restored_on(found, fresh)
    check_differences(found, fresh, report)
    assert _spec(fresh).mounts == _spec(there).mounts
    assert _spec(fresh).extra.get("TaskTemplate") == _spec(there).extra.get("TaskTemplate")
