"""``${name}``, ``${name.key}``, ``${item}``, ``${env:NAME}`` in values of playbooks; ``$${`` means ``${``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.sensitive import SENSITIVE
from swarmnet.parse.check import closest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from swarmnet.model.base import JsonValue
    from swarmnet.parse.yaml import Path

_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)\}")
_WHOLE = re.compile(r"\$\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_-]+)*")


FILL_LIMIT = 4 * 1024 * 1024
"""Characters and items that all references and ``for`` of a document may fill in: far more than people write."""


class FillLimitError(Exception):
    """References or steps with ``for`` multiplied beyond ``FILL_LIMIT``."""


@dataclass(slots=True)
class Budget:
    """What the references and ``for`` of one document may still fill in."""

    left: int = FILL_LIMIT

    def spend(self, value: JsonValue) -> None:
        """Count a value that is filled in; raise ``FillLimitError`` as soon as it is too much."""
        waiting = [value]
        while waiting:
            one = waiting.pop()
            self.left -= 1 + (len(one) if isinstance(one, str) else 0)
            if self.left < 0:
                raise FillLimitError
            if isinstance(one, dict):
                waiting += one.values()
            elif isinstance(one, list):
                waiting += one


class Substitution:
    """Replaces references by variables and the environment, and collects undefined ones."""

    def __init__(
        self,
        variables: Mapping[str, JsonValue],
        environment: Mapping[str, str],
        complain: Callable[[Path, str, str | None], None],
        budget: Budget | None = None,
    ) -> None:
        self._budget = budget or Budget()
        self._variables = variables
        self._environment = environment
        self._complain = complain

    def fill(self, value: JsonValue, path: Path) -> JsonValue:
        """Return the value with all references filled; a text that is one reference alone takes over its type."""
        if isinstance(value, dict):
            return {key: self.fill(one, (*path, key)) for key, one in value.items()}
        if isinstance(value, list):
            return [self.fill(one, (*path, index)) for index, one in enumerate(value)]
        return self._text(value, path) if isinstance(value, str) else value

    def _text(self, text: str, path: Path) -> JsonValue:
        whole = _WHOLE.fullmatch(text)
        if whole is not None:
            return self._value(whole[1], path)
        return _REFERENCE.sub(lambda match: self._inserted(match, text, path), text)

    def _inserted(self, match: re.Match[str], text: str, path: Path) -> str:
        if match[1] is None:
            return "${"
        value = self._value(match[1], path)
        if isinstance(value, dict | list):
            self._complain(path, f"${{{match[1]}}} is a {_kind(value)} and cannot be part of a text", f"in {text!r}")
            return ""
        return str(value).lower() if isinstance(value, bool) else str("" if value is None else value)

    def _value(self, reference: str, path: Path) -> JsonValue:
        if reference.startswith("env:"):
            name = reference.removeprefix("env:")
            if name not in self._environment:
                self._complain(path, f"environment variable {name!r} is not set", f"export {name}=... and try again")
            return self._from_environment(name, path)
        if _NAME.fullmatch(reference) is None:
            self._complain(path, f"${{{reference}}} is not a reference", "write ${name}, ${item.key} or ${env:NAME}")
            return ""
        return self._named(reference, path)

    def _from_environment(self, name: str, path: Path) -> str:
        value = self._environment.get(name, "")
        try:
            value.encode()
        except UnicodeEncodeError:
            self._complain(path, f"environment variable {name!r} is not UTF-8 text", "its value must be text")
            return ""
        self._budget.spend(value)
        SENSITIVE.mark(value, lines=True)
        return value

    def _named(self, reference: str, path: Path) -> JsonValue:
        here: JsonValue = dict(self._variables)
        for part in reference.split("."):
            if not isinstance(here, dict) or part not in here:
                self._complain(path, *_undefined(reference, part, here, self._variables))
                return ""
            here = here[part]
        self._budget.spend(here)
        return here


def _undefined(
    reference: str, part: str, here: JsonValue, variables: Mapping[str, JsonValue]
) -> tuple[str, str | None]:
    """Return what is wrong with a reference whose ``part`` is not in ``here``, and what to write."""
    known = here if isinstance(here, dict) else {}
    first, _, name = reference.partition(".")
    host = variables.get("host")
    if first != "host":
        return f"${{{reference}}} is not defined", closest(part, known)
    if not isinstance(host, dict):
        return f"${{{reference}}} is not defined here", "values of hosts are known in steps alone, not in 'vars'"
    hint = f"write 'vars: {{{name.partition('.')[0]}: ...}}' for it in the inventory"
    return f"${{{reference}}} is not defined for host {host['name']}", f"{hint}; it has {', '.join(sorted(host))}"


def _kind(value: JsonValue) -> str:
    return "mapping" if isinstance(value, dict) else "list"
