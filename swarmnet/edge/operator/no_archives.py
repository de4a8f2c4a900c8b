"""The archives of a run that keeps none."""

from __future__ import annotations

from typing import NoReturn

from swarmnet.errors import UsageError


class NoArchives:
    """Implements ``Archives`` where no keys were loaded."""

    def write(self, path: str, content: bytes) -> None:
        """Refuse; nothing is ever written in clear."""
        raise UsageError(
            f"there are no keys to seal {path} with ({len(content)} bytes)", hint="run `swarmnet keys init`"
        )

    def unsealed(self, path: str) -> NoReturn:
        """Refuse."""
        raise UsageError(f"there is no archive to read from {path}", hint="swarmnet restore raft BACKUP")
