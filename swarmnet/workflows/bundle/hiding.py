"""Text and JSON of hosts without secrets: what a support case may read. Pure.

Three rules, each of which is enough where it applies:

- **Origin**: a value that an object hides (a variable, an argument, a label, the data of a config) appears nowhere,
  whatever text it is in (:mod:`swarmnet.workflows.bundle.origins`).
- **Form**: passwords in URLs, tokens of swarms, private keys, and keys of IPsec are recognized by what they
  look like.
- **Name**: the value of a name that sounds secret is hidden, as ``PASSWORD=...``, ``--token ...``, ``"secret": "..."``.

To hide too much costs a support case little; patterns take linear time on any text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.model.sensitive import HIDDEN, SENSITIVE, Sensitive

if TYPE_CHECKING:
    from pydantic import JsonValue

SOUND = (
    r"(?:passw|passphrase|passcode|(?<![a-z])pass(?![a-z])|(?<![a-z])pwd?(?![a-z])|secret|token|credential|cookie"
    r"|api[_-]?key|access[_-]?key|private[_-]?key|signing[_-]?key|encryption[_-]?key|unlock[_-]?key|key[_-]?store"
    r"|(?<![a-z])key(?![a-z])|(?<![a-z])auth(?![a-z])|authorization|signature|(?<![a-z])dsn(?![a-z])|bearer|jwt)"
)
"""What a name sounds like that belongs to a secret."""
_SOUNDS_SECRET = re.compile(SOUND, re.IGNORECASE)
_QUOTED = r'"[^"\n]{0,8192}"?' + r"|'[^'\n]{0,8192}'?" + r'|\\"[^"\n]{0,8192}"?'
_VALUE = rf"(?:{_QUOTED}|[^\s\"'&,;]{{1,8192}})"
_NAMED = re.compile(rf"({SOUND}[\w.-]{{0,64}}[\\\"']{{0,3}}\s{{0,3}}[=:]\s{{0,3}}){_VALUE}", re.IGNORECASE)
_OPTION = re.compile(rf"(?<![\w-])(--?[a-z][\w-]{{1,63}})([\\\"']{{0,3}}[\s,=]{{1,3}})({_VALUE})", re.IGNORECASE)
_USER = re.compile(r"(?<![\w-])(-u|--user)(\s{1,3}|=)[^\s:]{1,256}:\S{1,8192}")
_VARIABLE = re.compile(rf"(?<![\w-])([A-Z][A-Z0-9_]{{2,63}}=)({_VALUE})")
_KERNEL = frozenset(
    {
        "SRC=",
        "DST=",
        "MAC=",
        "LEN=",
        "TOS=",
        "PREC=",
        "TTL=",
        "PROTO=",
        "SPT=",
        "DPT=",
        "UID=",
        "GID=",
        "MARK=",
        "CODE=",
        "TYPE=",
        "SEQ=",
        "WINDOW=",
        "RES=",
        "URGP=",
        "OUT=",
        "PHYSIN=",
        "PHYSOUT=",
        "MTU=",
        "ACK=",
        "PID=",
    }
)
"""Names in what the kernel's packet filter logs: they are evidence."""
_FORMS = tuple(
    re.compile(pattern)
    for pattern in (
        r"SWM(?:TKN|KEY)-[\w+/=-]{1,256}",
        r"AGE-SECRET-KEY-[A-Z0-9-]{1,256}",
        r"(?<![\w-])eyJ[\w-]{8,8192}(?:\.[\w-]{0,8192}){1,2}",
        r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{12,32}(?![A-Z0-9])",
        r"(?<!\w)(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|sk-|hvs\.)[\w-]{16,512}",
        r"(?i)(?<=bearer )[^\s\"'<>\\]{4,8192}",
        r"(?i)(?<=basic )[^\s\"'<>\\]{8,8192}",
        r"0x[0-9A-Fa-f]{32,4096}",
        r"(?<=form data: )[^\n]{1,1000000}",
        r"(?i)(?<=env[=:]\[)[^\]\n]{1,100000}",
    )
)
_WORD = re.compile(r"[^\s\"'<>\\]+")
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{1,64}-----.*?(?:-----END [A-Z0-9 ]{1,64}-----|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Hiding:
    """What is hidden in the evidence of one bundle."""

    known: Sensitive = field(default_factory=Sensitive)
    """Values by their origin."""

    def text(self, text: str, *, variables: bool = False) -> str:
        """Return text without secrets.

        Args:
            text: what a host printed.
            variables: hide the value of each ``NAME=``, whatever it sounds like: in logs, where programs print theirs.
        """
        found = SENSITIVE.masked(self.known.masked(text))
        found = _PEM.sub(HIDDEN, found)
        found = _WORD.sub(_without_user, found) if "://" in found else found
        for form in _FORMS:
            found = form.sub(HIDDEN, found)
        found = _USER.sub(rf"\1\2{HIDDEN}", found)
        found = _OPTION.sub(_option, found)
        found = _NAMED.sub(rf"\1{HIDDEN}", found)
        return _VARIABLE.sub(_variable, found) if variables else found

    def covered(self, value: JsonValue) -> JsonValue:
        """Return JSON that hides what its names say already: only its texts are looked at."""
        if isinstance(value, dict):
            return {self.text(key): self.covered(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.covered(one) for one in value]
        return self.text(value) if isinstance(value, str) else value

    def json(self, value: JsonValue, *, shown: frozenset[str] | None = None) -> JsonValue:
        """Return JSON without secrets; names stay, and with ``shown`` only the texts below those names are shown."""
        if isinstance(value, dict):
            return {self.text(key): self._below(key, one, shown) for key, one in value.items()}
        if isinstance(value, list):
            return [self.json(one, shown=shown) for one in value]
        if isinstance(value, str) and value:
            return HIDDEN if shown is not None else self.text(value)
        return value

    def _below(self, key: str, value: JsonValue, shown: frozenset[str] | None) -> JsonValue:
        if shown is not None and key in shown:
            shown = None
        flat = all(isinstance(one, str) for one in value) if isinstance(value, list) else isinstance(value, str)
        if key.lower() in _LISTS or (flat and _SOUNDS_SECRET.search(key)):
            return _bare(value, named=key.lower() in _NAMES)
        return self.json(value, shown=shown)


_NAMES = frozenset({"env", "labels"})
"""Names of lists of ``NAME=VALUE``, whose names are shown."""
_LISTS = frozenset({"env", "labels", "label", "args", "cmd", "command", "entrypoint"})
"""Names of lists, of texts by name, or of options, whose values are never shown."""


def _bare(value: JsonValue, *, named: bool) -> JsonValue:
    """Return what is hidden: of texts by name, and of a list with ``named``, the names stay."""
    if isinstance(value, dict):
        return dict.fromkeys(value, HIDDEN)
    if isinstance(value, list):
        return [_name_of(one) if named else HIDDEN for one in value]
    return HIDDEN if value else value


def _name_of(entry: JsonValue) -> str:
    name, equals, _value = entry.partition("=") if isinstance(entry, str) else ("", "", "")
    return f"{name}={HIDDEN}" if equals else HIDDEN


def _without_user(found: re.Match[str]) -> str:
    """Return a word without who logs in to the address in it: what is between ``://`` and the last ``@``."""
    scheme, slashes, rest = found[0].partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}{slashes}{HIDDEN}@{host}" if at and user else found[0]


def _option(found: re.Match[str]) -> str:
    name, between, _value = found.groups()
    hidden = _SOUNDS_SECRET.search(name) or name.lstrip("-") in _LISTS
    return f"{name}{between}{HIDDEN}" if hidden else found[0]


def _variable(found: re.Match[str]) -> str:
    return found[0] if found[1] in _KERNEL else f"{found[1]}{HIDDEN}"
