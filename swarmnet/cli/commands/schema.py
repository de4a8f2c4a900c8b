"""``swarmnet schema``: JSON Schemas of what people write, for editors, and of what commands print, for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.base import JsonObject

EXAMPLE = "swarmnet schema playbook > playbook.schema.json"


def command(
    document: Annotated[
        str, typer.Argument(metavar="DOCUMENT", help="inventory, playbook, backup, or a result such as verify or plan.")
    ],
) -> None:
    """Print the JSON Schema of a file that you write, or of a result that --json prints.

    A wrong DOCUMENT lists all of them.
    """
    known = {**_written(), **_printed()}
    if document not in known:
        raise UsageError(f"no document {document!r}", hint=f"documents: {', '.join(known)}")
    typer.echo(json.dumps(known[document](), indent=2))


def _written() -> dict[str, Callable[[], JsonObject]]:
    """Return the documents that people write or keep."""
    from swarmnet.model.backup import BackupDocument
    from swarmnet.parse.inventory import InventoryFile
    from swarmnet.parse.schema import document_schema, playbook_schema

    return {
        "inventory": lambda: document_schema(InventoryFile, "swarmnet inventory"),
        "playbook": playbook_schema,
        "backup": lambda: document_schema(BackupDocument, "swarmnet backup, opened"),
    }


def _printed() -> dict[str, Callable[[], JsonObject]]:
    """Return the documents that commands print."""
    from functools import partial

    from swarmnet.parse.schema import document_schema
    from swarmnet.report.documents.registry import DOCUMENTS

    return {name: partial(document_schema, model, f"swarmnet {name}, printed") for name, model in DOCUMENTS.items()}
