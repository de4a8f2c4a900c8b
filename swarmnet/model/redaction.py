"""What is shown of values that may hold secrets: one rule for plans, drift, exports and reports.

Hidden by kind are the values of environment variables, labels, commands and arguments, of driver options that are not
the engine's own, and of the text in those parts of the engine's JSON that are not known to hold none. Names always
stay, and each hidden value has a tag: equal values have equal tags within one output.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.model.sensitive import HIDDEN

if TYPE_CHECKING:
    from swarmnet.model.base import JsonValue
    from swarmnet.model.plan import Change

KEY_BYTES = 16
_TAG_BYTES = 4
_LABELS = frozenset({"labels", "container_labels", "engine_labels", "Labels"})
_LISTS = frozenset({"command", "args", "Command", "Args", "Env", "Test", "test"})
_OPTIONS = frozenset({"options", "ipam_options", "Options", "DriverOpts", "driver_opts"})
_OPEN = frozenset({"dns", "tmpfs"})
"""Parts whose options hold no secrets."""
_OWN_LABELS = ("io.swarmnet.", "com.docker.")
"""Labels of swarmnet and of Docker: they name the creator of an object and its stack."""
_OWN_OPTIONS = re.compile(
    r"com\.docker\.network\..*|encrypted|dsr|parent|(macvlan|ipvlan)_(mode|flag)|max-size|max-file|mode|tag"
)
"""Options of the engine's own network and log drivers."""
_URL_USER = re.compile(r"(://)[^/\s@]+@")
_FLAG = re.compile(r"--[a-z][a-z-]*")
_PLAIN = frozenset(
    {
        "Aliases",
        "Architecture",
        "CapabilityAdd",
        "CapabilityDrop",
        "Condition",
        "Config",
        "Consistency",
        "Constraints",
        "Dir",
        "Driver",
        "FailureAction",
        "File",
        "Groups",
        "Hostname",
        "Hosts",
        "Isolation",
        "Kind",
        "Level",
        "Mode",
        "Name",
        "Nameservers",
        "Networks",
        "OS",
        "Order",
        "Propagation",
        "Protocol",
        "PublishMode",
        "Registry",
        "Resolution",
        "Role",
        "Runtime",
        "SELinuxContext",
        "Search",
        "Source",
        "SpreadDescriptor",
        "StopSignal",
        "Subpath",
        "Target",
        "Type",
        "User",
    }
)
"""Keys of the engine's own JSON whose text is not secret: what a task may do and see."""


@dataclass(frozen=True, slots=True)
class Cover:
    """Hides values; with ``shows`` it hides none."""

    shows: bool = False
    """``--show-values``."""
    key: bytes = field(default_factory=lambda: secrets.token_bytes(KEY_BYTES), repr=False)
    """The key of the tags. It is new in each run, so that a tag does not help to guess a value."""

    def change(self, change: Change) -> Change:
        """Return a change without what its values may hide."""
        path = tuple(change.path.split("."))
        before, after = self.value(path, change.before), self.value(path, change.after)
        return change.model_copy(update={"before": before, "after": after})

    def value(self, path: tuple[str, ...], value: JsonValue) -> JsonValue:
        """Return the value at a path, such as ``("spec", "env", "DSN")``, without what it may hide."""
        if self.shows:
            return value
        if isinstance(value, dict):
            return {key: self.value((*path, key), inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.value(path, inner) for inner in value]
        if not isinstance(value, str) or not value:
            return value
        return self._hidden(path, value) if _is_hidden(path) else _URL_USER.sub(rf"\1{HIDDEN}@", value)

    def _hidden(self, path: tuple[str, ...], text: str) -> str:
        name, equals, rest = text.partition("=")
        if "Env" in path or _FLAG.fullmatch(name):
            return f"{name}={self._tagged(rest)}" if equals and rest else text
        return self._tagged(text)

    def _tagged(self, text: str) -> str:
        data = json.dumps(text).encode()
        return f"{HIDDEN} #{hashlib.blake2b(data, key=self.key, digest_size=_TAG_BYTES).hexdigest()}"


def content(data: bytes) -> str:
    """Return what stands for the data of a config where it is not shown."""
    return f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()[:16]}"


def _is_hidden(path: tuple[str, ...]) -> bool:
    """Return whether a text at this path is hidden; the outermost word that has a rule decides."""
    for index, word in enumerate(path):
        inner = path[index + 1 :]
        name = ".".join(inner)
        if word == "env" or word in _LISTS:
            return True
        if word in _OPEN:
            return False
        if word in _LABELS:
            return not name.startswith(_OWN_LABELS)
        if word in _OPTIONS:
            return _OWN_OPTIONS.fullmatch(name) is None
        if word == "extra":
            return _is_hidden(inner) or not (inner and inner[-1] in _PLAIN)
    return False
