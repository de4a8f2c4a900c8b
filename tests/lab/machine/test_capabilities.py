from __future__ import annotations

from pathlib import Path

import pytest

from swarmnet.lab.machine.capabilities import kernel_capabilities, require_lab_kernel

pytestmark = pytest.mark.lab


def test_what_works_has_no_reason_and_what_does_not_has_one() -> None:
    for capability in kernel_capabilities():
        assert bool(capability.reason) != capability.works, capability


def test_trying_leaves_no_interface_behind() -> None:
    works = {capability.name: capability.works for capability in kernel_capabilities()}

    assert works["veth"]
    assert not {"v0", "v1", "b0", "x0"} & {path.name for path in Path("/sys/class/net").iterdir()}


def test_a_kernel_that_runs_these_tests_is_not_refused() -> None:
    require_lab_kernel()

    assert all(capability.works for capability in kernel_capabilities() if capability.need == "lab")
