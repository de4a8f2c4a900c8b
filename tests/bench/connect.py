"""swarmnet's SSH connections alone, to all hosts at once: ``python -m tests.bench.connect INVENTORY``."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from swarmnet.cli.wiring import connected
from swarmnet.parse.inventory import parse_inventory


def main() -> None:
    """Connect, run the smallest command, leave."""
    path = Path(sys.argv[1])
    inventory = parse_inventory(path.read_bytes(), name=str(path), folder=path.parent).inventory
    with connected(inventory) as ports, ThreadPoolExecutor(20) as pool:
        ended = list(pool.map(lambda host: ports.shell(host.name).run(("true",)), inventory.hosts))
    if any(one.exit_code for one in ended):
        raise SystemExit("a host did not run the command")


if __name__ == "__main__":
    main()
