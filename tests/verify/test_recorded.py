"""What real hosts said when they were broken in a known way: the verdict that comes first names it, and what to do."""

from __future__ import annotations

import pytest

from swarmnet.model.report import Status
from swarmnet.verify.causes.consequences import STRENGTH
from tests.support.recorded_runs import FOLDER, load
from tests.verify.staged import STAGED, Staged, named
from tests.verify.staged_hosts import KERNEL, UNDERLAY

ALL = (*STAGED, *UNDERLAY, *KERNEL)
SINGLE = {"raw-vxlan": "firewall-drops"}
"""Faults of the host m3 in a swarm of three engine versions, asked of nearly all scenarios."""
CASES = [one for one in ALL if (FOLDER / f"{one.mode}.json").is_file()]


def test_what_is_recorded_is_what_is_staged() -> None:
    recorded = {path.stem for path in FOLDER.glob("F*.json")}
    assert recorded == {one.mode for one in ALL}


@pytest.mark.parametrize("case", [one for one in ALL if one.mode != "F56"], ids=lambda one: one.mode)
def test_what_stages_a_service_waits_until_its_tasks_run(case: Staged) -> None:
    # Those of F56 never all run.
    made = [line for script in case.breaks.values() for line in script.split(";") if "docker service create" in line]
    assert [line for line in made if "-d=false" not in line] == []


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.mode)
def test_the_first_verdict_names_the_mode_its_hosts_and_what_to_do(case: Staged) -> None:
    first, *_ = load(case.mode).judged()
    assert first.status in (Status.FAILED, Status.WARNING, Status.INCONCLUSIVE)
    assert first.cause == case.cause
    assert case.hosts == tuple(named(first))
    assert first.fix
    assert first.because_of == ()


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.mode)
def test_one_fault_is_one_cause_and_all_else_that_is_not_well_follows_from_it(case: Staged) -> None:
    assert {one.cause for one in load(case.mode).judged() if one.status in STRENGTH and not one.because_of} == {
        case.cause
    }


@pytest.mark.parametrize(("name", "cause"), SINGLE.items())
def test_one_fault_of_a_host_turns_many_scenarios_red_and_is_one_cause(name: str, cause: str) -> None:
    bad = [one for one in load(f"single-{name}").judged() if one.status in STRENGTH]
    assert [(one.cause, named(one)) for one in bad if not one.because_of] == [(cause, ["m3"])]
    assert len(bad) > 1
