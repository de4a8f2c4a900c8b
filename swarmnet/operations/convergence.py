"""Writing to an engine and waiting until it came true."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import StateChangedError

if TYPE_CHECKING:
    from collections.abc import Callable

ATTEMPTS = 5


def again_when_changed(write: Callable[[], None]) -> None:
    """Read and write, and do both again when somebody else wrote between; after 5 times the error passes on."""
    for _attempt in range(ATTEMPTS - 1):
        try:
            write()
        except StateChangedError:
            continue
        return
    write()
