"""When the docker command of a lab host is asked again (``tests/support/commands.py``)."""

from __future__ import annotations

import pytest

from swarmnet.lab.machine.commands import Completed
from tests.support.commands import answered


@pytest.mark.parametrize(
    ("exit_code", "said", "expected"),
    [
        (0, "", True),
        (0, "warning: context deadline exceeded", True),
        (1, "Error response from daemon: rpc error: code = Unknown desc = update out of sequence", False),
        (1, "Error response from daemon: rpc error: code = DeadlineExceeded desc = context deadline exceeded", False),
        (1, "Error response from daemon: no such node", True),
    ],
)
def test_a_command_is_asked_again_where_managers_were_busy_with_themselves(
    exit_code: int, said: str, *, expected: bool
) -> None:
    assert answered(Completed(("docker", "node", "update"), exit_code, "", said)) is expected
