"""A lab that does not outlive the process that made it, however that ends.

A guard, a process of its own session, waits for the end of a pipe that this process holds open. Whatever ends this
process (SIGKILL, too) closes the pipe, and the guard takes the lab down; one that was taken down in order releases it.
Where the guard was killed as well, :func:`take_down_forgotten` finds the lab later.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from swarmnet.lab.lab import Lab, silent
from swarmnet.lab.machine.commands import environment
from swarmnet.lab.machine.processes import ProcessIdentity
from swarmnet.lab.state import STATE_VARIABLE, LabStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from swarmnet.lab.spec import LabSpec

_GUARD = 'read -r word; [ "$word" = over ] || exec "$@" >/dev/null 2>&1'
_LIMIT = 10.0
"""Seconds for a guard that was released to end."""


@contextmanager
def throw_away(spec: LabSpec, *, keep: bool = False, say: Callable[[str], None] = silent) -> Iterator[Lab]:
    """Bring up a lab for a block and take it down afterwards, also after an error, Ctrl-C or the end of this process.

    Args:
        spec: the lab.
        keep: leave it where it is when the block ends; a killed process leaves none either way.
        say: gets progress.

    Raises:
        UsageError: The lab that was asked for is impossible.
        LabError: It cannot be brought up, or not be taken down.
    """
    down = (sys.executable, "-P", "-m", "swarmnet", "lab", "down", "--name", spec.name)
    guard = subprocess.Popen(
        ["/bin/sh", "-c", _GUARD, "guard", *down],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=environment({name: os.environ[name] for name in (STATE_VARIABLE,) if name in os.environ}),
        text=True,
    )
    try:
        lab = Lab.up(spec, say=say)
        try:
            yield lab
        finally:
            if not keep:
                say(f"lab {spec.name}: taking it down")
                lab.down()
    finally:
        guard.communicate("over\n", timeout=_LIMIT)


def take_down_forgotten(prefix: str, *, say: Callable[[str], None] = silent) -> None:
    """Take down the labs whose name begins so and whose process is gone.

    Raises:
        LabError: Something of one cannot be removed.
    """
    for record in LabStore.default().readable()[0]:
        if record.name.startswith(prefix) and not ProcessIdentity(*record.owner).alive():
            say(f"lab {record.name}: taking it down, since the run that made it is gone")
            Lab.open(record.name).down()
