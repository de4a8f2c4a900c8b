"""Write playbooks and inventories: YAML that this program, and any other reader, takes for the same data.

Text that YAML 1.1 or 1.2 takes for something else is in quotes, ``${`` is escaped, what is short is on one line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from swarmnet.model.printable import on_one_line
from swarmnet.parse.yaml import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from swarmnet.model.base import JsonValue
    from swarmnet.operations.written import WrittenStep

WIDTH = 110
"""Characters of a line that holds a list or a mapping of two levels; a longer one gets a line for each entry."""
_NESTED = 3
"""Arguments of a step on one line where one of them is a mapping."""
_BARE = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@+=%-]*|[0-9]+(ms|[smhdkMGT])|[0-9]+(\.[0-9]+){3}(/[0-9]+)?")
"""Text that needs no quotes in any place."""
_BARE_LINE = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@+=%-]*(:[A-Za-z0-9_./@+=%-]+)+")
"""Text that needs no quotes at the end of a line: such as images."""
_WORDS_OF_1_1 = frozenset({"y", "n", "yes", "no", "on", "off"})
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_BYTE, _SHORT = 0x100, 0x10000


def playbook_text(name: str, steps: Sequence[WrittenStep], head: Iterable[str] = ()) -> tuple[str, tuple[int, ...]]:
    """Return a playbook's text, and the line on which each step begins, counted from 1.

    Args:
        name: of the playbook.
        steps: in their order; one that is muted is written as a comment.
        head: sentences for people above all.
    """
    lines = [*_comments(head, ""), "schema: 1", f"name: {scalar(name)}", "steps:"]
    begins: list[int] = []
    for step in steps:
        if step.comments and lines[-1] != "steps:":
            lines.append("")
        lines += _comments(step.comments, "  ")
        begins.append(len(lines) + 1)
        written = _item(step)
        lines += [f"  # {line[2:]}" for line in written] if step.muted else written
    if not any(not step.muted for step in steps):
        lines[lines.index("steps:")] = "steps: []"
    return "\n".join(lines) + "\n", tuple(begins)


def document_text(data: Mapping[str, JsonValue], head: Iterable[str] = ()) -> str:
    """Return a mapping as a YAML document; nothing in it is filled in by variables."""
    return "\n".join([*_comments(head, ""), *_mapping(data, "", fills=False)]) + "\n"


def scalar(value: JsonValue, *, bare: re.Pattern[str] | None = None) -> str:
    """Return a text, number or word as YAML has it on one line; ``bare`` allows more text without quotes."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        mantissa, exponent, power = repr(value).partition("e")
        return (
            f"{mantissa}{'' if '.' in mantissa or not exponent else '.0'}{exponent}{power}"  # 1e9 is text in YAML 1.1
        )
    fits = _BARE.fullmatch(value) or (bare is not None and bare.fullmatch(value))
    if fits and plain(value) == value and value.lower() not in _WORDS_OF_1_1:
        return value
    return '"' + "".join(_escaped(char) for char in value) + '"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    number = ord(char)
    if number < _BYTE:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < _SHORT else f"\\U{number:08x}"


def _item(step: WrittenStep) -> list[str]:
    """Return the lines of a step."""
    short = _flow(step.arguments, fills=True)
    line = f"  - {step.operation}: {short}"
    nested = any(isinstance(one, dict) for one in step.arguments.values())
    if len(line) <= WIDTH and not (nested and len(step.arguments) > _NESTED) and "\\n" not in line:
        found = [line]
    else:
        found = [f"  - {step.operation}:", *_mapping(step.arguments, " " * 6, fills=True)]
    if step.together:
        found.append(f"    together: {scalar(step.together)}")
    return [*found, f"    on: {_flow(list(step.on), fills=False)}"] if step.on else found


def _mapping(data: Mapping[str, JsonValue], indent: str, *, fills: bool) -> list[str]:
    lines: list[str] = []
    for key, value in data.items():
        lines += _entry(f"{indent}{scalar(key)}:", value, indent, fills=fills)
    return lines


def _entry(head: str, value: JsonValue, indent: str, *, fills: bool) -> list[str]:
    """Return the lines of a key or a dash with its value."""
    if isinstance(value, dict | list):
        line = f"{head} {_flow(value, fills=fills)}"
        if not value or (len(line) <= WIDTH and _depth(value) <= 2 and "\\n" not in line):  # noqa: PLR2004 - as said
            return [line]
        if isinstance(value, dict):
            lines = _mapping(value, f"{indent}  ", fills=fills)
            # The first key of an item is on the line of its dash.
            return [f"{head} {lines[0].lstrip(' ')}", *lines[1:]] if head.endswith("-") else [head, *lines]
        return [head, *(line for one in value for line in _entry(f"{indent}  -", one, f"{indent}  ", fills=fills))]
    if not isinstance(value, str):
        return [f"{head} {scalar(value)}"]
    text = value.replace("${", "$${") if fills else value
    block = _block(text)
    if block is None:
        return [f"{head} {scalar(text, bare=_BARE_LINE)}"]
    return [f"{head} {block}", *(f"{indent}  {line}".rstrip(" ") for line in text.removesuffix("\n").split("\n"))]


def _block(text: str) -> str | None:
    """Return the sign of a literal block that holds a text of several lines; None where quotes are safer."""
    lines = text.removesuffix("\n").split("\n")
    if "\n" not in text or not lines[0] or lines[0][0] in " \t" or not lines[-1]:
        return None
    if any(line.endswith((" ", "\t")) or not line.replace("\t", "").isprintable() for line in lines):
        return None
    return "|" if text.endswith("\n") else "|-"


def _flow(value: JsonValue, *, fills: bool) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {_flow(one, fills=fills)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(one, fills=fills) for one in value) + "]"
    return scalar(value.replace("${", "$${") if fills and isinstance(value, str) else value)


def _depth(value: JsonValue) -> int:
    if not isinstance(value, dict | list):
        return 0
    return 1 + max((_depth(one) for one in (value.values() if isinstance(value, dict) else value)), default=0)


def _comments(sentences: Iterable[str], indent: str) -> list[str]:
    """Return sentences as comments; no text of others can end one."""
    found: list[str] = []
    for sentence in sentences:
        line = f"{indent}#"
        for word in on_one_line(sentence).split(" "):
            if len(line) + len(word) > WIDTH and line.strip() != "#":
                found.append(line)
                line = f"{indent}#"
            line += f" {word}"
        found.append(line)
    return found
