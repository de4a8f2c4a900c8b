"""Placement constraints, such as ``node.labels.zone == a``, as engines read them (swarmkit manager/constraint)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_FORM = re.compile(r"\s*(?P<key>[^\s=!]+)\s*(?P<operator>==|!=)\s*(?P<value>.*?)\s*", re.DOTALL)
NODE_LABEL, ENGINE_LABEL = "node.labels.", "engine.labels."
PROPERTIES = ("node.id", "node.hostname", "node.ip", "node.role", "node.platform.os", "node.platform.arch")
"""Keys that engines know besides labels. They accept other keys, and then no node ever matches."""


_KNOWN = 4096
"""Texts that are read but once: a plan asks of each service whether each node meets them."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint: the nodes whose property equals a value, or differs from it."""

    key: str
    """In lower case except for the name of a label, whose case counts."""
    operator: str
    """``==`` or ``!=``."""
    value: str

    @classmethod
    @lru_cache(_KNOWN)
    def parse(cls, text: str) -> Constraint | None:
        """Return the constraint that a text is, or None for a text that engines refuse."""
        match = _FORM.fullmatch(text)
        if match is None:
            return None
        key = match["key"]
        prefix = next((one for one in (NODE_LABEL, ENGINE_LABEL) if key.lower().startswith(one)), None)
        normal = key.lower() if prefix is None else prefix + key[len(prefix) :]
        return cls(normal, match["operator"], match["value"])

    def __str__(self) -> str:
        return f"{self.key} {self.operator} {self.value}"

    @property
    def node_label(self) -> str | None:
        """The name of the node's label that the constraint asks for."""
        return self._after(NODE_LABEL)

    @property
    def engine_label(self) -> str | None:
        """The name of the engine's label that the constraint asks for."""
        return self._after(ENGINE_LABEL)

    @property
    def is_known(self) -> bool:
        """Whether engines know the property."""
        return self.key in PROPERTIES or bool(self.node_label) or bool(self.engine_label)

    def _after(self, prefix: str) -> str | None:
        return self.key[len(prefix) :] if self.key.startswith(prefix) else None


def normal_constraint(text: str) -> str:
    """Return a constraint as engines read it: one blank at each side of its operator, its key in lower case."""
    found = Constraint.parse(text)
    return text.strip() if found is None else str(found)
