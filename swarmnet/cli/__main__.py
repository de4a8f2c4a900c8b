"""Where the process begins: ``swarmnet``, and ``python -m swarmnet.cli``."""

from __future__ import annotations

import sys


def start() -> None:
    """Run the command line; Ctrl-C while it is still being loaded ends it as quietly as later."""
    try:
        from swarmnet.cli.main import main  # noqa: PLC0415 - loading takes long enough to be interrupted
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    main()


if __name__ == "__main__":
    start()
