"""What updates of services do on every engine, and to which tasks; a part of the one suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import StateChangedError
from swarmnet.model.clock import wait_until
from swarmnet.model.merge import lay
from swarmnet.model.service import EndpointMode, PublishedPort, PublishMode, ServiceSpec
from swarmnet.model.version import ApiVersion
from swarmnet.operations.service.replaced_tasks import ended_tasks, renewing
from tests.contract.suite import IMAGE

if TYPE_CHECKING:
    from swarmnet.model.service import Service
    from tests.contract.suite import Cluster

ON_MANAGER = ("node.role==manager",)
CHANGES: dict[str, tuple[dict[str, object], bool]] = {
    "labels": ({"labels": {"a": "b"}}, False),
    "scale": ({"replicas": 2}, False),
    "met": ({"constraints": ("node.role!=none",)}, False),
    "density": ({"max_replicas_per_node": 4}, False),
    "spread": ({"spread": ("node.labels.zone",)}, False),
    "platforms": ({"platforms": ({"os": "linux"},)}, False),
    "unmet": ({"constraints": ("node.role==worker",)}, True),
    "environment": ({"env": {"A": "1"}}, True),
    "logging": ({"logging": {"driver": "json-file", "options": {"max-size": "1m"}}}, True),
    "processes": ({"limits": {"pids": 50}}, True),
    "stdin": ({"stdin": True}, True),
    "isolation": ({"isolation": "default"}, False),
    "selinux": ({"selinux": {"disable": True}}, True),
    "privileges": ({"no_new_privileges": True}, True),
    "oom": ({"oom_score_adj": 100}, True),
    "mesh": ({"ports": (PublishedPort(target=80, published=8091),)}, True),
    "host": ({"ports": (PublishedPort(target=80, published=8092, mode=PublishMode.HOST),)}, True),
    "mode": ({"endpoint_mode": EndpointMode.DNSRR}, True),
    "both": ({"constraints": ("node.role!=none",), "ports": (PublishedPort(target=80, published=8093),)}, True),
}
"""What changes, and whether the one task that runs is ended by it."""
SINCE = {"privileges": "1.44", "oom": "1.46"}
"""The API that knows what changes; an older engine drops it."""


class UpdateContract:
    """The rules of updates, one a test."""

    def test_a_service_update_keeps_what_the_wish_does_not_manage(self, cluster: Cluster) -> None:
        extra = {"TaskTemplate": {"ForceUpdate": 3}}
        made = cluster.make_service("kept", env={"A": "1"}, labels={"by": "hand"}, replicas=0, extra=extra)
        wish = ServiceSpec(name="kept", image=IMAGE, replicas=1, labels={"more": "yes"})
        cluster.manager.services.update(made.id, made.version, wish)
        seen = cluster.service("kept").spec
        expected = {"replicas": 1, "labels": {"by": "hand", "more": "yes"}}
        assert seen == made.spec.model_copy(update=expected)
        cluster.manager.services.remove(made.id)

    def test_a_service_remembers_what_it_was_before_its_last_update(self, cluster: Cluster) -> None:
        made = cluster.make_service("remembers", labels={"n": "1"}, replicas=0)
        assert made.previous is None
        for number in ("2", "3"):
            now = cluster.service("remembers")
            cluster.manager.services.update(now.id, now.version, now.spec.model_copy(update={"labels": {"n": number}}))
        seen = cluster.service("remembers")
        assert seen.previous is not None
        assert [seen.previous.labels["n"], seen.spec.labels["n"]] == ["2", "3"]
        assert seen.previous == seen.spec.model_copy(update={"labels": {"n": "2"}})
        cluster.manager.services.remove(made.id)

    def test_a_service_update_based_on_an_old_look_is_refused(self, cluster: Cluster) -> None:
        made = cluster.make_service("stale", replicas=0)
        wish = made.spec.model_copy(update={"labels": {"n": "1"}})
        cluster.manager.services.update(made.id, made.version, wish)
        with pytest.raises(StateChangedError):
            cluster.manager.services.update(made.id, made.version, wish)
        cluster.manager.services.remove(made.id)

    def test_an_update_ends_exactly_the_tasks_that_are_predicted(self, cluster: Cluster) -> None:
        api = cluster.manager.facts().api
        known = {name: row for name, row in CHANGES.items() if api >= ApiVersion.parse(SINCE.get(name, "1.41"))}
        made = {name: cluster.make_service(name, constraints=ON_MANAGER) for name in known}
        before = {name: frozenset(task.id for task in cluster.running(name, 1)) for name in made}

        predicted = {name: _update(cluster, name, CHANGES[name][0]) for name in made}

        assert predicted == {name: before[name] if ends else frozenset() for name, (_, ends) in known.items()}
        for name, ids in predicted.items():
            _wait_for_end(cluster, name, ids)
        assert {name: before[name] - cluster.desired(name) for name in made} == predicted
        for service in made.values():
            cluster.manager.services.remove(service.id)

    def test_a_task_that_outlived_new_constraints_keeps_its_ports_unless_it_is_renewed(self, cluster: Cluster) -> None:
        made = cluster.make_service("outlived", ports=(PublishedPort(target=80, published=8094),))
        (task,) = cluster.running("outlived", 1)
        _update(cluster, "outlived", {"constraints": ("node.role!=none",)})
        _update(cluster, "outlived", {"ports": (PublishedPort(target=80, published=8095),)}, renew=False)
        cluster.clock.sleep(2.0)
        assert cluster.desired("outlived") == {task.id}

        _update(cluster, "outlived", {"ports": (PublishedPort(target=80, published=8096),)})

        _wait_for_end(cluster, "outlived", frozenset({task.id}))
        cluster.manager.services.remove(made.id)


def _update(cluster: Cluster, name: str, fields: dict[str, object], *, renew: bool = True) -> frozenset[str]:
    """Change a service as ``apply`` does; return which of its tasks that should end."""
    now: Service = cluster.service(name)
    wanted = lay(now.spec, ServiceSpec.model_validate({"name": name, "image": IMAGE, **fields}))
    ended = ended_tasks(now.spec, wanted, cluster.manager.tasks(service=name), cluster.manager.nodes.list)
    cluster.manager.services.update(now.id, now.version, renewing(now.spec, wanted) if renew else wanted)
    return ended


def _wait_for_end(cluster: Cluster, name: str, ids: frozenset[str]) -> None:
    def look() -> tuple[bool | None, str]:
        left = cluster.desired(name) & ids
        return (None if left else True), f"{len(left)} should still run"

    wait_until(cluster.clock, look, what=f"tasks of {name} to be replaced", timeout=180)
