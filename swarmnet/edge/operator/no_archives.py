"""The archives of a run that keeps none."""

from __future__ import annotations

from typing import NoReturn

from swarmnet.errors import UsageError


class NoArchives:
    """Implements ``Archives`` where no keys were loaded."""

    def write(self, path: str, content: bytes) -> None:
        """Refuse; nothing is ever written in clear."""
        raise UsageError(
            f"no keys are at hand to seal {path} with ({len(content)} bytes)", hint="run `swarmnet keys init`"
        )

    def unsealed(self, path: str) -> NoReturn:
        """Refuse."""
        raise UsageError(f"no archive is at hand to be read from {path}", hint="swarmnet restore raft BACKUP")
