"""A saved plan is done as it was seen, or refused with what differs (H9, E10)."""

from __future__ import annotations

import contextlib
import json

import pytest

from swarmnet.errors import SchemaError
from swarmnet.model.base import Secret
from swarmnet.model.plan import Action, Plan
from swarmnet.model.redaction import Cover
from swarmnet.model.ref import Ref
from swarmnet.model.state import ClusterState
from swarmnet.model.swarm import Swarm, SwarmSpec
from swarmnet.operations.command import RunCommand
from swarmnet.operations.service.actions import CreateService
from swarmnet.report.saved import SavedPlan
from tests.report.service_sample import SERVICE
from tests.report.test_shown import KINDS, full

STATE = ClusterState(swarm=Swarm(id="s1", version=1, spec=SwarmSpec()))
COMMAND = RunCommand(
    object=Ref(kind="command", name="touch /x", host="m1"),
    why="it always runs",
    host="m1",
    argv=("touch", "/x"),
    always=True,
)
WEB = CreateService(object=Ref(kind="service", name="web"), why="it is not there", spec=SERVICE)


def plan(*actions: Action, cluster: str = "shop") -> Plan:
    return Plan(cluster=cluster, actions=actions, predicted=STATE)


def saved(*actions: Action, cover: Cover | None = None) -> SavedPlan:
    """Return what comes out of the file."""
    found = SavedPlan.of(plan(*actions), STATE, cover or Cover(), b"0123456789abcdef", ("on m1: test -e /x",))
    return SavedPlan.read(found.text.encode())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_same_plan_is_the_same_in_another_run(kind: type[Action]) -> None:
    assert saved(full(kind)).differences(plan(full(kind)), STATE) == ()


def test_whatever_differs_is_named() -> None:
    hidden = WEB.model_copy(update={"spec": SERVICE.model_copy(update={"env": {"A": "other"}})})
    for then, now, reported in (
        ((COMMAND,), (COMMAND.model_copy(update={"sudo": True}),), "! touch /x on m1: sudo differ"),
        ((COMMAND,), (COMMAND.model_copy(update={"timeout": 1.0}),), "! touch /x on m1: timeout differ"),
        ((WEB,), (hidden,), "+ service web: values that are not shown differ"),
        ((WEB,), (WEB.model_copy(update={"wait": False}),), "+ service web: wait differ"),
        ((WEB,), (), "no longer planned: + service web"),
        ((), (WEB,), "not in the saved plan: + service web"),
        ((COMMAND, WEB), (WEB, COMMAND), "the order of the actions, or a value in the file, differs"),
        ((COMMAND,), (COMMAND, COMMAND), "not in the saved plan: ! touch /x on m1"),
    ):
        differences = saved(*then).differences(plan(*now), STATE)
        assert differences == (reported,)


def test_another_cluster_of_the_same_name_is_refused() -> None:
    other = STATE.model_copy(update={"swarm": Swarm(id="s2", version=1, spec=SwarmSpec())})

    assert saved(WEB).differences(plan(WEB), other) == (
        "it is for cluster shop, swarm s1, and this is cluster shop, swarm s2",
    )
    assert saved(WEB).differences(plan(WEB, cluster="prod"), STATE) != ()


def test_what_someone_changed_in_the_file_is_not_what_is_done() -> None:
    tree = json.loads(saved(COMMAND).text)
    tree["actions"][0]["changes"] = []

    assert SavedPlan.read(json.dumps(tree).encode()).differences(plan(COMMAND), STATE) != ()


def test_the_file_holds_no_secret() -> None:
    Secret("a-value-of-${env:}")  # marks itself, as what comes from the environment is marked
    reported = COMMAND.model_copy(
        update={
            "argv": ("login", "a-value-of-${env:}"),
            "object": Ref(kind="command", name="login a-value-of-${env:}", host="m1"),
        }
    )
    create = full(next(kind for kind in KINDS if kind.__name__ == "CreateSecret"))

    text = saved(reported, create, WEB, cover=Cover(shows=True)).text

    assert "a-value-of" not in text
    assert "correct-horse-battery" not in text
    assert saved(reported).differences(plan(reported), STATE) == ()


@pytest.mark.parametrize("format_", [None, 1, 3])
def test_a_plan_that_another_version_saved_is_refused_with_what_to_do(format_: int | None) -> None:
    tree = json.loads(saved(COMMAND).text)
    tree |= {"format": format_}
    text = json.dumps({key: value for key, value in tree.items() if value is not None})

    with pytest.raises(SchemaError) as refused:
        SavedPlan.read(text.encode())

    assert refused.value.exit_code == 14
    assert "swarmnet plan" in str(refused.value.hint)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": 1}', '{"schema": 1, "digest": "x"}', "\xff", "[" * 100000]
)
def test_another_file_is_refused_as_a_saved_plan(text: str) -> None:
    with pytest.raises((ValueError, RecursionError)):
        SavedPlan.read(text.encode("latin-1"))


def test_a_file_that_someone_damaged_is_none_or_differs() -> None:
    whole = json.loads(saved(COMMAND, WEB).text)
    strange: tuple[object, ...] = (None, 7, "x", [], {}, [None])
    for place in [(key,) for key in whole] + [
        ("actions", index, key) for index in (0, 1) for key in whole["actions"][0]
    ]:
        for junk in strange:
            tree = json.loads(json.dumps(whole))
            part = tree
            for step in place[:-1]:
                part = part[step]
            if part[place[-1]] == junk or place[0] in ("warnings", "failures", "worst_risk", "origin", "programs"):
                continue
            part[place[-1]] = junk
            with contextlib.suppress(ValueError, SchemaError):
                assert SavedPlan.read(json.dumps(tree).encode()).differences(plan(COMMAND, WEB), STATE)
