"""What the comparisons of all kinds share: marks never count, and changes read from the first look to the second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from swarmnet.model.plan import Change, unmarked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.base import Labels


class _Labelled(Protocol):
    """A spec with labels."""

    @property
    def labels(self) -> Labels: ...

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self: ...


Spec = TypeVar("Spec", bound=_Labelled)


def bare(spec: Spec) -> Spec:
    """Return a spec without the labels that say who made the object."""
    return spec.model_copy(update={"labels": unmarked(spec.labels)})


def turned(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Return changes from the first look to the second: comparing a wish with what is there gives the way back."""
    return tuple(change.model_copy(update={"before": change.after, "after": change.before}) for change in changes)


def label_changes(before: Labels, after: Labels) -> tuple[Change, ...]:
    """Return how labels differ."""
    return tuple(
        Change(path=f"labels.{key}", before=before.get(key), after=after.get(key))
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    )
