"""``${host.NAME}`` in steps: a step that has it is repeated for each host that it selects, with that host's values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.hosts import Host, Inventory
    from swarmnet.parse.check import Checker
    from swarmnet.parse.yaml import Path

HOST = "host"
"""The name that stands for the values of a host."""
_REFERENCE = re.compile(r"\$\$\{|\$\{(host(?:\.[^{}]*)?)\}")


@dataclass(frozen=True, slots=True)
class Repeated:
    """One host that a step is repeated for."""

    host: Host

    @property
    def scope(self) -> JsonObject:
        """The values that ``${host.NAME}`` takes."""
        return {HOST: self.host.values}


def refers_to_host(value: JsonValue) -> bool:
    """Return whether a value has ``${host.NAME}`` at any depth."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str) and any(match[1] is not None for match in _REFERENCE.finditer(one)):
            return True
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return False


def repeated(data: JsonObject, path: Path, inventory: Inventory | None, checker: Checker) -> Iterator[Repeated | None]:
    """Yield None once for a step that is the same on every host, else each host that it selects."""
    rest = {key: value for key, value in data.items() if key != "on"}
    if refers_to_host(data.get("on")):
        checker.complain((*path, "on"), "'on' selects the hosts, so it cannot have ${host.NAME}", "write host names")
    elif not refers_to_host(rest):
        yield None
    elif inventory is None:
        checker.complain(path, "${host.NAME} takes values of an inventory, and none was given", "add -i INVENTORY")
    else:
        yield from (Repeated(host) for host in _selected(data.get("on"), path, inventory, checker))


def _selected(on: JsonValue, path: Path, inventory: Inventory, checker: Checker) -> tuple[Host, ...]:
    words = [on] if isinstance(on, str) else on if isinstance(on, list) else []
    try:
        return inventory.select(str(word) for word in words).hosts
    except UsageError as error:
        checker.complain((*path, "on"), error.message, error.hint)
        return ()
