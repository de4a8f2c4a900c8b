"""What tasks may use, what is reserved for them, where they go, and where their output goes."""

from __future__ import annotations

import pytest

from swarmnet.model.compare import service_changes
from swarmnet.model.engine_json import absorb
from swarmnet.model.merge import lay
from swarmnet.model.service import Limits, Reservations, ServiceSpec
from tests.operations.service.everything import after
from tests.operations.service.test_service import HOSTS, holding, step, web
from tests.support.plans import plan, refusal


def test_the_order_of_labels_to_spread_over_counts() -> None:
    assert after(spread="[node.labels.rack, node.labels.zone]").spread == ("node.labels.rack", "node.labels.zone")
    assert after(spread="[]").spread == ()


@pytest.mark.parametrize("limits", [Limits(), Limits(cpus=0.0, memory=0, pids=0)])
def test_a_limit_of_nothing_is_as_none(limits: Limits) -> None:
    assert service_changes(web(limits=limits), web(), exact=True) == ()


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"limits": "{memory: 1M}"}, "the least that engines take"),
        ({"limits": "{swap: -2}"}, "must be at least -1"),
        ({"reservations": "{generic: {gpu: [a, b]}}"}, "gpu: write how many, such as 2"),
        ({"reservations": "{generic: {gpu: 0}}"}, "gpu: tasks that ask for 0 never start"),
        ({"spread": "[zone]"}, "spread 'zone' is ignored by engines: write node.labels.NAME"),
        (
            {"constraints": "[node.labels.zone == a, node.labels.zone == b]"},
            "no node meets both; to spread tasks over the values write 'spread: [node.labels.zone]'",
        ),
        ({"constraints": "[node.role == manager, node.role != Manager]"}, "contradict each other: no node meets both"),
        ({"platforms": "[linux]"}, "'linux' is not a platform: write OS/ARCHITECTURE"),
    ],
)
def test_what_engines_refuse_is_refused(fields: dict[str, str], text: str) -> None:
    assert text in refusal(step(**fields), holding(), HOSTS)


def test_an_old_backup_has_the_rest_of_the_limits_in_extra() -> None:
    """Schema 1.0 knew processors and memory alone."""
    extra = {
        "TaskTemplate": {
            "Resources": {
                "Limits": {"Pids": 90},
                "Reservations": {"GenericResources": [{"DiscreteResourceSpec": {"Kind": "gpu", "Value": 2}}]},
            },
            "Placement": {"Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.rack"}}]},
        }
    }
    old = ServiceSpec.model_validate({"name": "s", "image": "i", "limits": {"cpus": 0.5}, "extra": extra})
    assert absorb(old) == ServiceSpec(
        name="s",
        image="i",
        limits=Limits(cpus=0.5, pids=90),
        reservations=Reservations(generic={"gpu": 2}),
        spread=("node.labels.rack",),
    )


def test_what_strange_engines_say_stays_in_extra() -> None:
    named = [{"NamedResourceSpec": {"Kind": "gpu", "Value": "uuid"}}]
    extra = {"TaskTemplate": {"Resources": {"Reservations": {"GenericResources": named}}}}
    old = ServiceSpec.model_validate({"name": "s", "image": "i", "extra": extra})
    assert absorb(old).extra == extra
    assert lay(old, web(reservations=Reservations(cpus=1.0))).extra == extra


def test_constraints_on_different_keys_or_values_do_not_contradict_each_other() -> None:
    fields = {
        "constraints": "[node.labels.zone != a, node.labels.zone != b, node.labels.Zone == c, node.role == worker]"
    }
    assert not plan(step(**fields), holding(), HOSTS).is_empty
