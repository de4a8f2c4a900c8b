"""What is to be written: the steps, the files next to the playbook, and what people should know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.operations.written import WrittenStep


@dataclass(frozen=True, slots=True)
class Wish:
    """What the operator chose."""

    stem: str = "site"
    """The playbook's file name without its ending: it begins the names of the folders for contents."""
    take_ownership: bool = False
    """True writes ``take_ownership: true`` into steps whose objects do not have swarmnet's mark."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A playbook that is not written yet."""

    steps: tuple[WrittenStep, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Contents of configs by their path next to the playbook."""
    warnings: tuple[str, ...] = ()
    """What no step can say, and what the file holds in clear."""
