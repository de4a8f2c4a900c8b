"""What ``--only`` and ``--skip`` leave of the scenarios of verify, or of the checks of hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.cli.options import names_of
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from swarmnet.verify.scenario import Scenario


def selected(
    every: Sequence[Scenario],
    what: str,
    options: tuple[list[str] | None, list[str] | None],
    *,
    groups: Mapping[str, tuple[str, ...]] | None = None,
    fits: Callable[[Scenario], bool] = lambda _one: True,
) -> tuple[Scenario, ...]:
    """Return those that are chosen, in their order.

    Args:
        every: all there are.
        what: one of them, in messages: ``check``.
        options: the names of ``--only`` and of ``--skip``; both are repeatable and take commas.
        groups: more names, each for several.
        fits: what else must hold.

    Raises:
        UsageError: there is none of that name, or none is left.
    """
    several = groups or {}
    known = {**{one.name: (one.name,) for one in every}, **several}
    for name in sorted(names_of(options[0]) | names_of(options[1])):
        if name not in known:
            more = f"; groups of them: {', '.join(several)}" if several else ""
            raise UsageError(f"no {what} {name!r}", hint=f"{what}s: {', '.join(one.name for one in every)}{more}")
    chosen, left_out = ({one for name in names_of(words) for one in known[name]} for words in options)
    found = tuple(one for one in every if fits(one) and (not chosen or one.name in chosen) and one.name not in left_out)
    if not found:
        raise UsageError(f"no {what} is left to run", hint="leave out --only or --skip")
    return found
