"""A step that says the number of tasks of a service that others made changes that number, and nothing else of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from swarmnet.edge.engine.wire.service import service_to_wire, updated
from swarmnet.model.engine_json import absorb
from swarmnet.model.merge import lay
from swarmnet.model.service import Service, ServiceMode, ServiceSpec
from swarmnet.operations.service.actions import UpdateService
from swarmnet.parse.playbook import parse_playbook
from swarmnet.plan.build import build
from tests.edge.engine.wire.test_wire_service import FIELDS, NAMES
from tests.support.any_cluster import HOSTS
from tests.workflows.test_adopt import QUICK
from tests.workflows.test_adopt_any import cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonValue

OTHERS = {name: one for name, one in FIELDS.items() if name not in ("name", "image", "endpoint_mode")}
"""All fields; ports of the mesh and no virtual address are what no engine takes."""
THERE = st.builds(
    ServiceSpec,
    name=st.just("web"),
    image=st.just("busybox:1"),
    mode=st.just(ServiceMode.REPLICATED),
    replicas=st.just(1),
    **OTHERS,
)


@QUICK
@given(THERE)
def test_a_change_of_the_number_of_tasks_changes_nothing_else(spec: ServiceSpec) -> None:
    there = absorb(spec)
    state = cluster().model_copy(update={"services": (Service(id="s", version=1, spec=there),)})
    text = 'schema: 1\nname: p\nsteps: [service: {name: web, image: "busybox:1", replicas: 2}]'

    (action,) = build(parse_playbook(text.encode(), "p.yml"), state, HOSTS).actions
    assert [one.path for one in action.changes] == ["replicas"]
    assert isinstance(action, UpdateService)
    present = service_to_wire(there, NAMES)
    assert dict(differences(present, updated(present, lay(there, action.spec), NAMES, NAMES))) == {
        "Mode/Replicated/Replicas": 2
    }


def differences(before: JsonValue, after: JsonValue, path: str = "") -> Iterator[tuple[str, JsonValue]]:
    """Yield each place of the engine's JSON that differs, with its value afterwards."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            yield from differences(before.get(key), after.get(key), f"{path}/{key}" if path else key)
    elif before != after:
        yield path, after
