"""Faults staged by plain commands on three engine versions: ``trace`` stops at the right layer and names the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Lab, LabSpec
from swarmnet.lab.image import make_image
from tests.support.commands import Operator, docker
from tests.support.docker_view import running
from tests.support.labs import fresh_name
from tests.support.shown_examples import FOLDER
from tests.support.staged_faults import FAULTS, MADE, PLACED, STACK, Staged
from tests.support.waiting import seen, soon

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]
LIMIT = 180.0
"""Seconds for an update of a service on three hosts."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Hosts with own kernels, and services that no playbook made."""
    spec = LabSpec(name=fresh_name(), hosts=3, engines=("26.1", "20.10", "28.5"), kernels=("own",))
    with Lab.up(spec) as lab:
        make_image(lab, "demo:1")
        Operator(lab.directory).types("apply", str(FOLDER / "bootstrap.yml"), "-i", str(lab.inventory), "--yes")
        for words in MADE:
            docker(lab, "m1", *words.split())
        done = lab.exec("m1", ["docker", "stack", "deploy", "-c", "-", "shop"], stdin=STACK)
        assert done.exit_code == 0, done.stderr
        yield lab


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_the_first_broken_layer_is_the_fault(lab: Lab, fault: Staged) -> None:
    assert soon(lambda: all(running(lab, "m1", name) == hosts for name, hosts in PLACED.items()))
    assert seen(lambda: _last(lab, fault), lambda last: last == "") == ""
    try:
        assert lab.exec(fault.host, ["sh", "-c", fault.does], limit=LIMIT).exit_code == 0
        last = seen(lambda: _last(lab, fault), lambda last: fault.says in last)
    finally:
        assert lab.exec(fault.host, ["sh", "-c", fault.undoes], limit=LIMIT).exit_code == 0
    assert last.startswith(f"{fault.layer} {fault.cause}: ")
    assert fault.says in last


def _last(lab: Lab, fault: Staged) -> str:
    """Return the first layer that is broken, or loses packets; empty where all ways work."""
    source, target = (word.replace("HOST", str(lab.host("m1").address)) for word in fault.trace)
    words = ("trace", source, target, "-i", str(lab.inventory))
    found = Operator(lab.directory).asks(*words, exits=(0, 1, 3))
    wrong = [one for path in found["paths"] for one in path["layers"] if one["status"] in ("failed", "warning")]
    return next((f"{one['name']} {one['cause']}: {one['detail']}" for one in wrong), "")
