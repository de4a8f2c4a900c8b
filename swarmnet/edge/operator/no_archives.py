"""The archives of a run that keeps none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.sealed import Sink


class NoArchives:
    """Implements ``Archives`` where no keys were loaded."""

    def write(self, path: str, produce: Callable[[Sink], object]) -> NoReturn:
        """Refuse; nothing is ever written in clear."""
        raise UsageError(f"there are no keys to seal {path} with ({produce})", hint="run `swarmnet keys init`")

    def unsealed(self, path: str) -> NoReturn:
        """Refuse."""
        raise UsageError(f"there is no archive to read from {path}", hint="swarmnet restore raft BACKUP")
