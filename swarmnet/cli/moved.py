"""What of a backup is somewhere else by now: the hosts and the blocks of addresses that replace the old ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.restore_choices import pairs

if TYPE_CHECKING:
    from swarmnet.model.backup import BackupDocument

MapOption = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="OLD=NEW", help="Map an old host to the new host that replaces it; repeatable."),
]
SubnetMapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--subnet-map",
        metavar="OLD=NEW",
        help="Move networks in an old block, with all addresses in it, to a new block of its size; repeatable.",
    ),
]


@dataclass(frozen=True, slots=True)
class Moved:
    """What of the older backup is somewhere else by now, where a restore put it there."""

    map_: MapOption = None
    subnet_map: SubnetMapOption = None

    @property
    def hosts(self) -> dict[str, str]:
        """Old host to new one."""
        return pairs(self.map_ or [])

    def now(self, document: BackupDocument) -> BackupDocument:
        """Return the backup with the addresses that a restore with this ``--subnet-map`` gives.

        Raises:
            UsageError: a word is not such a pair, or no network is in such a block.
        """
        if not self.subnet_map:
            return document
        from swarmnet.plan.recovery.subnet_map import EXAMPLE, OPTION, SubnetMap, moved

        return moved(document, SubnetMap.of(pairs(self.subnet_map, OPTION, EXAMPLE)))
