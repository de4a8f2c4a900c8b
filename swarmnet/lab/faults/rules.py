"""The host's firewall rules, flushed as by a firewall that was restarted behind the engine's back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, get_args

from swarmnet.lab.faults.family import Family
from swarmnet.lab.faults.options import Option, Options, choice

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget

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


Table = Literal["filter", "nat", "mangle", "raw"]


class FlushOptions(Options):
    """Which rules."""

    table: Annotated[Table | None, Option("only this table", choice("TABLE", *get_args(Table)))] = None


class FlushedRules(Family[FlushOptions]):
    """``iptables -F`` in every table, or in the one named by ``table``; chains and policies stay.

    Both address families, in the host's own network namespace: the engine's rules for published ports, for the
    routing mesh (``DOCKER-INGRESS``) and for encrypted overlays (``INPUT`` and mangle ``OUTPUT``) are gone. Healing
    restores exactly the rules that were there when they were flushed; a boot or an engine that
    restarts makes its own again.
    """

    kind = "rules"
    summary = "flush the firewall rules (iptables -F), or those of one --table"
    example = "m1 rules --table nat"
    options = FlushOptions
    ends_with = frozenset({"boot", "engine start"})

    def describe(self, options: FlushOptions) -> str:
        """Say which are gone."""
        return "firewall rules flushed" if options.table is None else f"firewall rules of table {options.table} flushed"

    def put(self, options: FlushOptions, target: FaultTarget) -> None:
        """Keep the rules aside, then flush them."""
        target.does(_FLUSH, options.table or "", doing="flush its firewall rules")

    def take_back(self, options: FlushOptions, target: FaultTarget) -> None:
        """Restore what was kept, where something was."""
        del options
        target.does(_RESTORE, doing="restore its firewall rules")
