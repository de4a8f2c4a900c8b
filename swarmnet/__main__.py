"""``python -m swarmnet``."""

from __future__ import annotations

from swarmnet.cli.__main__ import start

if __name__ == "__main__":
    start()
