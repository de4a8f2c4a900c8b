"""The start of the process: ``swarmnet``, and ``python -m swarmnet.cli``."""

from __future__ import annotations

import gc
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


GARBAGE = 250_000
"""Objects made before the collector looks for garbage: Python's default, 700, costs a tenth of each start."""


def _end(_number: int, _frame: FrameType | None) -> None:
    with suppress(OSError):  # a closed stderr
        os.write(2, b"interrupted\n")
    os._exit(130)


def start() -> None:
    """Run the command line."""
    gc.set_threshold(GARBAGE)
    # Plugins of other packages would see every document; looking for them costs a thirtieth of each start.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from swarmnet.cli import signals
    from swarmnet.cli.main import main

    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signals.heed()
    try:
        main()
    finally:
        gc.freeze()  # Python looks through every object for garbage once more at its end: a tenth of a second


# Ctrl-C during the start, also in the installer's script around this module, ends the process as quietly as later. A
# process that ignores the signal (nohup) keeps ignoring it.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _end)

if __name__ == "__main__":
    start()
