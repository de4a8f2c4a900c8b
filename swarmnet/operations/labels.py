"""Labels that a step takes away: what it does not name stays, so a name is needed to take one out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.plan import Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.base import Labels

_OWN = "io.swarmnet."


def faults_of_labels(labels: Labels, remove: Iterable[str]) -> Iterator[str]:
    """Yield labels that a step both sets and removes, and those by which swarmnet knows what it made."""
    for name in sorted(set(remove)):
        if name in labels:
            yield f"label {name} is both set and removed"
        elif name.startswith(_OWN):
            yield f"label {name} is swarmnet's own, which no step removes: take it out of 'remove_labels'"


def removed_labels(seen: Labels, remove: Iterable[str]) -> tuple[Change, ...]:
    """Return the change for each label that is there and that the step removes."""
    return tuple(Change(path=f"labels.{name}", before=seen[name]) for name in dict.fromkeys(remove) if name in seen)


def changed_labels(seen: Labels, wanted: Labels, remove: Iterable[str]) -> tuple[Change, ...]:
    """Return the change for each label that a step sets otherwise, and for each that it removes."""
    set_ = (
        Change(path=f"labels.{name}", before=seen.get(name), after=text)
        for name, text in wanted.items()
        if seen.get(name) != text
    )
    return (*set_, *removed_labels(seen, remove))
