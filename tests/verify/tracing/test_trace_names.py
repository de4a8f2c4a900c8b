"""Where a name leads in a trace: to the target, to what another one has, or to what nothing has any more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from swarmnet.model.endpoint import EndpointSpec
from swarmnet.model.report import Status
from swarmnet.model.service import Task
from tests.verify.scenarios.test_expected import API, DB, arrow, expecting
from tests.verify.tracing.test_trace import Containers, broken

OTHER = Task(
    id="t",
    service_id="web",
    node_id="n",
    state="running",
    desired_state="running",
    networks={"back": ("10.2.0.77/24",)},
)


@pytest.mark.parametrize(("tasks", "cause"), [((), "stale-address"), ((OTHER,), "names")])
def test_an_address_that_nothing_has_is_stale_and_one_of_another_task_shows_two_owners_of_a_name(
    tasks: tuple[Task, ...], cause: str
) -> None:
    setup = expecting(arrow(API, DB, 5432))
    hosts = Containers(replace(setup, state=setup.state.model_copy(update={"tasks": tasks})))
    hosts.says["api.1", "db:5432"] = {"seen": "open", "why": "", "addresses": ["10.2.0.77"]}
    found = broken(hosts.traced(arrow(API, DB, 5432)))
    assert (found.name, found.cause) == ("name", cause)
    assert found.fix


def test_a_name_of_the_target_that_another_service_has_too_is_shown() -> None:
    setup = expecting(arrow(API, DB, 5432))
    place = (EndpointSpec(network="back", aliases=("store",)),)
    services = tuple(
        one.model_copy(update={"spec": one.spec.model_copy(update={"networks": place})}) for one in setup.state.services
    )
    shared = replace(setup, state=setup.state.model_copy(update={"services": services}))
    path = Containers(shared).traced(arrow(API, DB, 5432))
    (layer,) = (one for one in path.layers if one.name == "name")
    assert layer.status is Status.OK
    assert layer.detail.endswith("; store also leads to service api and service web")
