"""What tasks may use, what is reserved for them, where they go, and where their output goes."""

from __future__ import annotations

import pytest

from swarmnet.model.compare import service_changes
from swarmnet.model.engine_json import absorb
from swarmnet.model.merge import lay
from swarmnet.model.service import Limits, Logging, Platform, Reservations, ServiceSpec
from tests.operations.service.test_service import HOSTS, holding, step, web
from tests.support.plans import plan, refusal

FULL = web(
    spread=("node.labels.zone", "node.labels.rack"),
    platforms=(Platform(os="linux", architecture="amd64"), Platform(os="linux", architecture="arm64")),
    limits=Limits(cpus=0.5, memory=64 * 2**20, pids=90),
    reservations=Reservations(memory=8 * 2**20, generic={"gpu": 1, "fpga": 2}),
    logging=Logging(driver="json-file", options={"max-size": "1m", "max-file": "3"}),
)
WRITTEN = {
    "spread": "[node.labels.zone, node.labels.rack]",
    "platforms": "[linux/arm64, linux/amd64]",
    "limits": "{cpus: 0.5, memory: 64M, pids: 90}",
    "reservations": "{memory: 8M, generic: {fpga: 2, gpu: 1}}",
    "logging": "{driver: json-file, options: {max-file: 3, max-size: 1m}}",
}


def after(**fields: str) -> ServiceSpec:
    """Return the service that a step makes of the one with everything."""
    (action,) = plan(step(**fields), holding(FULL), HOSTS).actions
    return action.predict(holding(FULL)).services[0].spec


def test_what_is_as_written_is_left_alone() -> None:
    assert plan(step(**WRITTEN), holding(FULL), HOSTS).actions == ()
    assert plan(step(), holding(FULL), HOSTS).actions == ()


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("limits", "{cpus: 1}", Limits(cpus=1.0, memory=64 * 2**20, pids=90)),
        ("limits", "{memory: 0, pids: 0}", Limits(cpus=0.5, memory=0, pids=0)),
        ("reservations", "{cpus: 0.1}", Reservations(cpus=0.1, memory=8 * 2**20, generic={"gpu": 1, "fpga": 2})),
        ("reservations", "{generic: {}}", Reservations(memory=8 * 2**20, generic={})),
        ("logging", "{options: {max-size: 2m}}", Logging(driver="json-file", options={"max-size": "2m"})),
        ("logging", "{driver: syslog}", Logging(driver="syslog")),
        ("logging", "{driver: syslog, options: {tag: a}}", Logging(driver="syslog", options={"tag": "a"})),
    ],
)
def test_the_part_that_a_step_leaves_out_stays_except_for_options_of_another_log_driver(
    field: str, text: str, expected: object
) -> None:
    assert getattr(after(**{field: text}), field) == expected


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
