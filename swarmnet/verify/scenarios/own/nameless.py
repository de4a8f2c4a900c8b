"""Whether no name leads to a task, or gossip does not reach some hosts: both look alike from a single one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmnet.verify.scenarios.own.names import Look, Looks

SEVERAL = 2
"""Hosts that must lack the same: of one alone, gossip may be cut off."""


def is_nameless(look: Look, holder: str, looks: Looks) -> bool:
    """Return whether no other host finds what one look lacks, though the task's own host finds everything.

    An engine knows the tasks of its own host without gossip (20.10 to 28.5), and where gossip is cut off, that host
    lacks the tasks of the others.

    Args:
        look: one that lacks addresses.
        holder: the host of the task that has them.
        looks: all of the run.
    """
    mine = [one for one in (*looks.right, *looks.wrong) if one.name == look.name]
    finding = [one for one in mine if not set(look.missing) <= set(one.missing)]
    if not finding:
        return True
    lacking = {one.asker.host for one in mine if one not in finding}
    troubled = {one.asker.host for one in looks.wrong if one.name.network == look.name.network and one.missing}
    return len(lacking) >= SEVERAL and holder not in troubled and all(one.asker.host == holder for one in finding)
