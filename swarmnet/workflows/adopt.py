"""Write the playbook of a cluster, and prove it before anyone uses it: the plan of what is written must be empty.

A step that is wrong for swarmnet, or that would change something, is written as a comment with the reason.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from swarmnet.errors import DocumentError, RefusedError, UsageError
from swarmnet.operations.playbook import with_contents
from swarmnet.operations.swarm.operation import SwarmOperation
from swarmnet.parse.playbook import parse_playbook
from swarmnet.parse.write import playbook_text
from swarmnet.plan.adopt.steps import drafted
from swarmnet.plan.build import build

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from swarmnet.model.hosts import Inventory
    from swarmnet.model.plan import Action
    from swarmnet.model.state import ClusterState
    from swarmnet.operations.content.source import ContentSource
    from swarmnet.operations.playbook import Playbook, Step
    from swarmnet.operations.written import WrittenStep
    from swarmnet.plan.adopt.draft import Draft, Wish

_OWNERSHIP = "take_ownership"


@dataclass(frozen=True, slots=True)
class Adopted:
    """A playbook, ready to be written."""

    text: str
    files: Mapping[str, bytes]
    """Contents of configs by their path next to it."""
    steps: tuple[WrittenStep, ...]
    left_out: Mapping[str, str]
    """Objects that are written as comments, each with the reason."""
    warnings: tuple[str, ...]


def adopt(state: ClusterState, inventory: Inventory, wish: Wish, *, head: Iterable[str] = ()) -> Adopted:
    """Return the playbook of what was seen.

    Args:
        state: what was seen of all hosts, or what a backup has.
        inventory: the hosts that the playbook is for.
        wish: what the operator chose.
        head: sentences for people above it.

    Raises:
        RefusedError: there is nothing to write.
        DocumentError: the playbook would be wrong as a whole, such as too large.
    """
    draft = drafted(state, inventory, wish)
    if not draft.steps:
        raise RefusedError(
            "there is nothing to write: no host is in a swarm, and none has a network or a container of its own"
        )
    steps, reasons, changed = _proved(draft, state, inventory)
    text, _begins = playbook_text(inventory.cluster, steps, head)
    left_out = {_title(steps[number]): reason for number, reason in reasons.items()}
    return Adopted(text, draft.files, steps, left_out, (*draft.warnings, *changed))


def _proved(
    draft: Draft, state: ClusterState, inventory: Inventory
) -> tuple[tuple[WrittenStep, ...], dict[int, str], tuple[str, ...]]:
    """Return the steps, those that cannot be used as comments, why, and what a plan would change all the same."""
    reasons: dict[int, str] = {}
    while True:
        steps = tuple(
            replace(step, muted=True, comments=(*step.comments, f"Left out: {reasons[number]}"))
            if number in reasons
            else step
            for number, step in enumerate(draft.steps)
        )
        if all(step.muted for step in steps):
            return steps, reasons, ()
        found, changed = _faults(steps, draft.files, state, inventory)
        if not found:
            return steps, reasons, changed
        reasons |= found


def _faults(
    steps: Sequence[WrittenStep], files: Mapping[str, bytes], state: ClusterState, inventory: Inventory
) -> tuple[dict[int, str], tuple[str, ...]]:
    """Return why steps cannot be used, by their numbers, and the changes that are of no step."""
    plain = [replace(step, arguments={k: v for k, v in step.arguments.items() if k != _OWNERSHIP}) for step in steps]
    text, begins = playbook_text(inventory.cluster, plain)
    found: dict[int, str] = {}
    try:
        playbook = with_contents(parse_playbook(text.encode(errors="surrogatepass"), "adopted"), _Held(files))
        actions = build(playbook, state, inventory).actions
    except DocumentError as error:
        for problem in error.problems:
            number = -1 if problem.line is None else bisect_right(begins, problem.line) - 1
            if number < 0 or steps[number].muted:
                raise
            found.setdefault(number, problem.text)
        return found, ()
    return _pending(actions, playbook, begins)


def _pending(
    actions: Iterable[Action], playbook: Playbook, begins: Sequence[int]
) -> tuple[dict[int, str], tuple[str, ...]]:
    """Return the steps that would change something, and the changes that the swarm's step makes to other objects."""
    found: dict[int, str] = {}
    others: list[str] = []
    turns = _by_turn(playbook)
    for action in actions:
        steps = turns[action.turn - 1]
        provided = (action.object.kind, action.object.name)
        step = next((one for one in steps if provided in one.operation.provides()), steps[0])
        paths = ", ".join(change.path for change in action.changes)
        if isinstance(step.operation, SwarmOperation) and action.object.kind != "swarm":
            others.append(f"a plan changes {action.target}: {action.why}" + (f" ({paths})" if paths else ""))
        else:
            found.setdefault(
                bisect_right(begins, step.line or 0) - 1, f"a plan would change {action.target} ({paths or action.why})"
            )
    return found, tuple(others)


def _by_turn(playbook: Playbook) -> list[list[Step]]:
    """Return the steps by their turns: neighbours that are written to run together share one (``plan.build``)."""
    found: list[list[Step]] = []
    for step in playbook.steps:
        if found and step.together and step.together == found[-1][-1].together:
            found[-1].append(step)
        else:
            found.append([step])
    return found


def _title(step: WrittenStep) -> str:
    return f"{step.operation} {step.arguments.get('name', '')}".strip()


@dataclass(frozen=True, slots=True)
class _Held:
    """Contents that are not written yet."""

    files: Mapping[str, bytes]

    def read(self, source: ContentSource, *, folder: str) -> bytes:
        """Return a content; values of secrets are nowhere."""
        del folder
        if source.text is not None:
            return source.text.encode()
        if source.file is None or source.file not in self.files:
            raise UsageError("its value has to be filled in")
        return self.files[source.file]
