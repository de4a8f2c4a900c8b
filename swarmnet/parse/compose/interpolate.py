"""Fill in the variables of stack files, as the Compose Specification says.

``$NAME`` and ``${NAME}``; ``${NAME:-word}`` and ``${NAME-word}`` with a default, ``${NAME:?word}`` and ``${NAME?word}``
with an error, ``${NAME:+word}`` and ``${NAME+word}`` with a replacement; ``$$`` is one dollar sign. The forms with a
colon treat an empty variable as one that is not set. Words may hold variables themselves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.errors import Problem
    from swarmnet.parse.compose.nodes import Node

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
NESTED = 20
"""Levels of variables inside of words; more than people write."""
LONGEST = 1024 * 1024
"""Characters that one text may become."""


class _SyntaxError(Exception):
    """A dollar sign that begins no variable."""


@dataclass(slots=True)
class Interpolation:
    """Fills in variables, and collects those that are not set."""

    variables: Mapping[str, str]
    unset: dict[str, Node] = field(default_factory=dict)
    """Each variable that has no value and no default, and where it is first."""
    problems: list[Problem] = field(default_factory=list)
    filled: set[str] = field(default_factory=set)
    """The values that texts were filled in with."""

    def fill(self, node: Node) -> Node:
        """Return the node with the variables of all its texts filled in; keys are left as they are."""
        if isinstance(node.value, dict):
            return replace(node, value={key: self.fill(one) for key, one in node.value.items()})
        if isinstance(node.value, list):
            return replace(node, value=[self.fill(one) for one in node.value])
        if not isinstance(node.value, str) or "$" not in node.value:
            return node
        return replace(node, value=self._text(node.value, node))

    def _text(self, text: str, node: Node) -> str:
        try:
            return self.expand(text, node)
        except _SyntaxError as error:
            hint = "write ${NAME}, ${NAME:-default} or ${NAME:?message}; '$$' is a dollar sign itself"
            self.problems.append(node.problem(f"{error} in {text[:80]!r}", hint))
            return ""

    def expand(self, text: str, node: Node, depth: int = 0) -> str:
        """Return a text with its variables filled in."""
        if depth > NESTED:
            raise _SyntaxError(f"variables are nested deeper than {NESTED} levels")
        found: list[str] = []
        position = 0
        while (dollar := text.find("$", position)) >= 0:
            filled, end = self._variable(text, dollar + 1, node, depth)
            found += [text[position:dollar], filled]
            position = end
        found.append(text[position:])
        whole = "".join(found)
        if len(whole) > LONGEST:
            raise _SyntaxError("the variables expand to too much text")
        return whole

    def _variable(self, text: str, start: int, node: Node, depth: int) -> tuple[str, int]:
        """Return what begins after a dollar sign, filled in, and where it ends."""
        if text.startswith("$", start):
            return "$", start + 1
        braced = text.startswith("{", start)
        name = _NAME.match(text, start + braced)
        if name is None:
            raise _SyntaxError("a '$' that begins no variable")
        if not braced:
            return self._value(name[0], node), name.end()
        end = _closing(text, name.end())
        return self._braced(name[0], text[name.end() : end], node, depth), end + 1

    def _braced(self, name: str, rest: str, node: Node, depth: int) -> str:
        if not rest:
            return self._value(name, node)
        operator = _OPERATOR.match(rest)
        if operator is None:
            raise _SyntaxError(f"${{{name}{rest}}} is not a variable")
        word, value = rest[operator.end() :], self.variables.get(name)
        there = value is not None and not (operator[0].startswith(":") and not value)
        if operator[0].endswith("+"):
            return self.expand(word, node, depth + 1) if there else ""
        if there:
            self.filled.add(value or "")
            return value or ""
        if operator[0].endswith("-"):
            return self.expand(word, node, depth + 1)
        said = self.expand(word, node, depth + 1)
        self.problems.append(node.problem(f"variable {name} is needed{': ' if said else ''}{said}", _advice(name)))
        return ""

    def _value(self, name: str, node: Node) -> str:
        if name not in self.variables:
            self.unset.setdefault(name, node)
        value = self.variables.get(name, "")
        self.filled.add(value)
        return value

    def all_problems(self) -> list[Problem]:
        """Return what is wrong: bad syntax, and every variable that is not set."""
        unset = (one.problem(f"variable {name} is not set", _advice(name)) for name, one in self.unset.items())
        return [*self.problems, *unset]


def _closing(text: str, start: int) -> int:
    """Return where the brace that is open at ``start`` closes; braces of variables inside are skipped."""
    position, depth = start, 0
    while position < len(text):
        if text.startswith("$$", position) or text.startswith("${", position):
            depth += text.startswith("{", position + 1)
            position += 2
            continue
        if text[position] == "}":
            if depth == 0:
                return position
            depth -= 1
        position += 1
    raise _SyntaxError("a '${' that is not closed")


def _advice(name: str) -> str:
    return f"export {name}=..., add it to the file that 'env_file' names, or give a default: ${{{name}:-}}"
