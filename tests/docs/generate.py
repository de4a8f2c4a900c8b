"""Write ``docs/reference`` from the code; ``make docs`` runs it, and a test compares what it writes.

``python -m tests.docs.generate`` writes every page and removes none.
"""

from __future__ import annotations

from dataclasses import replace
from inspect import getdoc
from typing import TYPE_CHECKING

from swarmnet.errors import ExitCode
from swarmnet.lab.faults import FAMILIES
from swarmnet.model.endpoint import EndpointSpec
from swarmnet.model.fields import Effect
from swarmnet.model.network import NetworkSpec
from swarmnet.model.plain_container import PlainContainer
from swarmnet.model.service import ServiceSpec
from swarmnet.model.state import ClusterState
from swarmnet.model.swarm import SwarmSpec
from swarmnet.model.verification import Level
from swarmnet.model.volume import VolumeSpec
from swarmnet.operations import BY_NAME
from swarmnet.operations.absent import ABSENT
from swarmnet.parse.compose.keys import SECTIONS
from swarmnet.parse.inventory import InventoryFile
from swarmnet.parse.schema import document_schema, playbook_schema
from swarmnet.report.documents.registry import DOCUMENTS
from swarmnet.report.formats import FORMATS
from swarmnet.verify.checks import CHECKS
from swarmnet.verify.checks.doors import doors_of
from swarmnet.verify.ids import CauseId, Group
from swarmnet.verify.scenario import Setup
from swarmnet.verify.scenarios import ALL, GROUPS
from tests.docs.command_pages import commands_page
from tests.docs.docstrings import member_texts
from tests.docs.english import ROOT
from tests.docs.markdown import code, page, sentence, table
from tests.docs.merging import merging
from tests.docs.schema_pages import Key, Reader, keys_of, keys_table, mapping, title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

    from swarmnet.lab.faults.options import Declared
    from swarmnet.model.base import JsonObject
    from swarmnet.parse.compose.keys import Section
    from swarmnet.verify.scenario import Scenario

FOLDER = ROOT / "docs" / "reference"


def pages() -> dict[str, str]:
    """Return the text of every generated page by its file name."""
    return {
        "commands.md": commands_page(),
        "inventory.md": _inventory(),
        "playbook.md": _playbook(),
        "stack-files.md": _stack_files(),
        "exit-codes.md": _exit_codes(),
        "verify.md": _verify(),
        "check.md": _check(),
        "lab-faults.md": _faults(),
        "json.md": _json(),
        "formats.md": _formats(),
    }


def _inventory() -> str:
    schema = document_schema(InventoryFile, "swarmnet inventory")
    return page(
        "Inventory",
        "[inventories/example.yml](../../inventories/example.yml) shows every key in use. `swarmnet schema inventory`\n"
        "prints the JSON Schema for editors. `NAME` is a name that you choose. A key without default may be left out.",
        keys_table(keys_of(schema)),
    )


def _playbook() -> str:
    schema = playbook_schema()
    definitions = mapping(schema["$defs"])
    head = mapping(schema["properties"])
    step = mapping(mapping(head.pop("steps"))["items"])
    frame = mapping(step["properties"])
    for operation in BY_NAME.values():
        del frame[operation.name_in_playbook]
    return page(
        "Playbook",
        "`swarmnet schema playbook` prints the JSON Schema for editors. Any value may be `${name}` instead: a\n"
        "variable, `${item}` inside a `for`, or `${env:NAME}`. A key without a default may be left out, and swarmnet\n"
        "does not manage what a step leaves out.",
        "## The document",
        keys_table([*keys_of(schema), Key("steps", "list of steps", "", required=True, text="Run as written.")]),
        "## A step",
        "A step is one operation (below), and may have these keys next to it:",
        keys_table(keys_of({"properties": frame})),
        "## What a change does",
        "The column *change* of the tables below says what happens to an object when you change the field:",
        table(("change", "what happens"), [(title(name).lower(), text) for name, text in member_texts(Effect).items()]),
        "## What you leave out of lists and maps",
        "A field that a step leaves out is not managed. One that it names replaces what is there, or is laid over it:",
        merging(_SPECS),
        "For a service, `[]` or `{}` takes everything away where the field is whole or a list of entries.\n"
        "`remove_labels` takes labels away. `whole: true` in a service step takes all away that it does not name.",
        *_operations(definitions),
    )


_SPECS: dict[str, type[BaseModel]] = {
    "swarm": SwarmSpec,
    "network": NetworkSpec,
    "volume": VolumeSpec,
    "container": PlainContainer,
    "connect": EndpointSpec,
    "service": ServiceSpec,
}
"""What the fields of a step are in the engine."""


def _operations(definitions: JsonObject) -> Iterator[str]:
    for operation in BY_NAME.values():
        name = operation.name_in_playbook
        yield f"## {name}"
        yield operation.summary
        yield keys_table(list(Reader(definitions).keys(mapping(definitions[name]))), _SPECS.get(name))
        if name in ABSENT:
            yield f"A {name} step that removes has these keys alone:"
            yield keys_table(list(Reader(definitions).keys(mapping(definitions[f"{name}.absent"]))))


def _stack_files() -> str:
    return page(
        "Keys of stack files",
        "What a step `stack` and `swarmnet convert` do with each key of the Compose Specification. `NAME` is a name\n"
        "that you choose. Keys that begin with `x-` are yours. The plan names each ignored key with its line; a\n"
        "refused key ends the run before anything is changed.",
        "## Honoured",
        table(("in", "keys"), [(_place(one), ", ".join(map(code, one.known))) for one in SECTIONS if one.known]),
        "## Ignored",
        "`docker stack deploy` ignores them, too, or does not know them.",
        table(
            ("in", "key", "why"),
            [(_place(one), code(key), why) for one in SECTIONS for key, why in one.ignored.items()],
        ),
        "## Refused",
        table(
            ("in", "key", "what to do"),
            [(_place(one), code(key), what) for one in SECTIONS for key, what in one.refused.items()],
        ),
    )


def _place(section: Section) -> str:
    return code(section.path.replace("*", "NAME")) if section.path else "the top"


def _exit_codes() -> str:
    codes = {name: value for name, value in vars(ExitCode).items() if isinstance(value, int)}
    texts = member_texts(ExitCode)
    return page(
        "Exit codes",
        table(("code", "meaning"), [(code(str(value)), texts[name]) for name, value in codes.items()]),
    )


def _verify() -> str:
    return page(
        "Scenarios of verify",
        "`--only` and `--skip` take these names, and those of the groups below.",
        table(
            ("scenario", "what is proved", "by", "from level"),
            [(code(one.name), one.summary, _needs(one), one.level.value) for one in ALL],
        ),
        "## Levels",
        "`--level` chooses how much is proved; each level holds those before it. Without it, all is: a level below\n"
        "proves less, and the first line of the report says so.",
        table(("level", "what it proves"), [(title(name).lower(), text) for name, text in member_texts(Level).items()]),
        "## Groups",
        "Causes that several scenarios share are reported under these names; `--only` and `--skip` take them, too.",
        table(
            ("group", "what it is", "scenarios"),
            [(code(one.value), one.meaning, ", ".join(map(code, GROUPS[one]))) for one in Group],
        ),
        "## Causes",
        "A failed verdict or warning has one cause: `verdicts[].cause` in JSON, the type of a failure in JUnit.",
        table(("cause", "meaning"), [(code(one.value), one.meaning) for one in CauseId]),
    )


def _check() -> str:
    return page(
        "Checks of hosts",
        "`swarmnet check` looks at hosts before they are touched. `--only` and `--skip` take these names.",
        table(("check", "what is proved"), [(code(one.name), one.summary) for one in CHECKS]),
        "Each finding names its cause: `findings[].cause` in JSON, one of the [causes](verify.md#causes).",
        "## What is sent between hosts",
        "Each host sends it to each other host; `2377` to managers alone.",
        table(
            ("packet", "what it carries", "cause where it alone is closed"),
            [(code(one.name), one.what, code(one.cause.value)) for one in doors_of(Setup(ClusterState(), ()))],
        ),
    )


def _needs(scenario: Scenario) -> str:
    needs = {
        "probes": scenario.needs_probes,
        "probe service": scenario.needs_service,
        "published probe service": scenario.needs_mesh,
        "observers on the hosts": scenario.needs_observer,
        "a plain overlay for comparison": scenario.needs_control,
    }
    return ", ".join(name for name, needed in needs.items() if needed) or "what managers and hosts report"


def _faults() -> str:
    rows = [
        (code(one.kind), one.summary, ", ".join(sorted(one.ends_with)), code(one.example)) for one in FAMILIES.values()
    ]
    options = [
        (code(one.kind), code(f"{found.flag} {found.option.unit.metavar}"), found.option.help, _written(found))
        for one in FAMILIES.values()
        for found in one.declared()
    ]
    return page(
        "Faults of the lab",
        "`swarmnet lab break HOST KIND` causes a fault; `swarmnet lab heal HOST KIND` repairs it.",
        table(("kind", "what it does", "ends by itself with", "example: `swarmnet lab break ...`"), rows),
        "## Options",
        table(("kind", "option", "meaning", "values"), options),
    )


def _json() -> str:
    parts = []
    for name, model in DOCUMENTS.items():
        keys = keys_of(document_schema(model, name))
        parts += [
            f"## {name}",
            sentence(getdoc(model) or ""),
            keys_table([replace(one, required=False) for one in keys]),
        ]
    return page(
        "JSON documents",
        "What `--json` prints, one object on stdout. `schema` is its version: within a version keys are added, never\n"
        "removed or given another meaning. `swarmnet schema NAME` prints the JSON Schema of each, and those of\n"
        "[inventory](inventory.md), [playbook](playbook.md) and opened backup.",
        *parts,
    )


def _formats() -> str:
    return page(
        "Output formats",
        "`--format NAME[=FILE]` writes a result in any of these formats, to stdout or to a file; it is repeatable.\n"
        "`--json` is short for `--format json`.",
        table(("format", "what it is"), [(code(name), one.summary) for name, one in FORMATS.items()]),
    )


def _written(found: Declared) -> str:
    unit = found.option.unit
    return ", ".join(map(code, unit.choices)) or " ".join(filter(None, (unit.like, found.range)))


def write() -> None:
    """Write every page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    write()
