"""The host's firewall rules, flushed as by a firewall that was restarted behind the engine's back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.lab.faults.family import Family

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget
    from swarmnet.lab.state import Fault

# In /run, which a boot empties: with it go the flushed rules.
_FLUSH = """
set -eu
mkdir -p /run/lab
for family in iptables ip6tables; do
    kept=/run/lab/rules.$family
    $family-save ${1:+-t "$1"} > "$kept.new"
    mv "$kept.new" "$kept"
    for table in $(sed -n 's/^\\*//p' "$kept"); do
        $family -w 10 -t "$table" -F
    done
done
"""
_RESTORE = """
for family in iptables ip6tables; do
    kept=/run/lab/rules.$family
    [ ! -e "$kept" ] || { $family-restore -w 10 < "$kept" && rm "$kept"; } || exit 1
done
"""


class FlushedRules(Family):
    """``iptables -F`` in every table, or in the one named by ``table``; chains and policies stay.

    Both address families, in the host's own network namespace: the engine's rules for published ports, for the
    routing mesh (``DOCKER-INGRESS``) and for encrypted overlays (``INPUT`` and mangle ``OUTPUT``) are gone. Healing
    restores exactly the rules that were there when they were flushed; a boot or an engine that starts anew
    makes its own again.
    """

    kind = "rules"
    told = "flush the firewall rules (iptables -F), or those of one --table"
    takes = frozenset({"table"})
    ends_with = frozenset({"boot", "engine start"})

    def describe(self, fault: Fault) -> str:
        """Say which are gone."""
        return "firewall rules flushed" if fault.table is None else f"firewall rules of table {fault.table} flushed"

    def put(self, fault: Fault, place: FaultTarget) -> None:
        """Keep the rules aside, then flush them."""
        place.does(_FLUSH, fault.table or "", doing="flush its firewall rules")

    def take_back(self, fault: Fault, place: FaultTarget) -> None:
        """Restore what was kept, where something was."""
        del fault
        place.does(_RESTORE, doing="restore its firewall rules")
