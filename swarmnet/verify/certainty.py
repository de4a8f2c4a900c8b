"""How sure each cause is: whether verify saw the broken thing itself, or concludes it from what failed.

A cause that is concluded has its line here. All others are seen or measured: a rule, a row of a table, a setting, an
answer that came or did not come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Certainty
from swarmnet.verify.ids import CauseId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.report import Verdict

CONCLUDED: Mapping[str, Certainty] = {
    # From which pairs of hosts fail, and which do not.
    CauseId.UNDERLAY: Certainty.LIKELY,
    CauseId.NETWORK: Certainty.LIKELY,
    CauseId.MTU: Certainty.LIKELY,
    CauseId.PARTIAL: Certainty.POSSIBLE,
    CauseId.PATH_MTU: Certainty.LIKELY,
    CauseId.CHECKSUMS: Certainty.LIKELY,
    CauseId.ESP_BLOCKED: Certainty.LIKELY,
    CauseId.ESP_UNDELIVERED: Certainty.POSSIBLE,
    CauseId.UNREACHED: Certainty.POSSIBLE,
    # From which connections through a virtual address fail.
    CauseId.BALANCE_LOST: Certainty.LIKELY,
    CauseId.BALANCE_LOSSY: Certainty.POSSIBLE,
    # From which entry nodes of the routing mesh answer, and to whom.
    CauseId.INGRESS_TASK: Certainty.LIKELY,
    CauseId.INGRESS_SIDE: Certainty.LIKELY,
    CauseId.INGRESS_BLOCKED: Certainty.LIKELY,
    CauseId.INGRESS_OUTSIDE: Certainty.LIKELY,
    CauseId.INGRESS_UNKNOWN: Certainty.POSSIBLE,
    # From what a user's container gets for an answer.
    CauseId.REFUSED: Certainty.LIKELY,
    CauseId.BLOCKED: Certainty.POSSIBLE,
    # From what an engine says, in words of its own.
    CauseId.PROBE: Certainty.POSSIBLE,
}
"""Causes that are concluded, not seen."""


def certainty_of(verdict: Verdict) -> Certainty | None:
    """Return how sure the cause of a verdict is; None where it names none."""
    if verdict.cause is None:
        return None
    return verdict.certainty or CONCLUDED.get(verdict.cause, Certainty.PROVEN)
