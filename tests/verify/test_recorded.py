"""What real hosts said when they were broken in a known way: the verdict that comes first names it, and what to do."""

from __future__ import annotations

import pytest

from swarmnet.model.report import Status
from tests.support.recorded_runs import FOLDER, load
from tests.verify.staged import STAGED, Staged, named
from tests.verify.staged_hosts import KERNEL, UNDERLAY

ALL = (*STAGED, *UNDERLAY, *KERNEL)
CASES = [one for one in ALL if (FOLDER / f"{one.mode}.json").is_file()]


def test_what_is_recorded_is_what_is_staged() -> None:
    recorded = {path.stem for path in FOLDER.glob("F*.json")}
    assert recorded == {one.mode for one in ALL}


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.mode)
def test_the_first_verdict_names_the_mode_its_hosts_and_what_to_do(case: Staged) -> None:
    first, *_ = load(case.mode).judged()
    assert first.status in (Status.FAILED, Status.WARNING, Status.INCONCLUSIVE)
    assert first.cause == case.cause
    assert case.hosts == tuple(named(first))
    assert first.fix
    assert first.because_of == ()
