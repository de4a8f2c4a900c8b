"""``swarmnet schema``: JSON Schemas, so that editors complete and check what people write."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

EXAMPLE = "swarmnet schema playbook > playbook.schema.json"


class DocumentKind(StrEnum):
    """What people write, or keep."""

    INVENTORY = "inventory"
    PLAYBOOK = "playbook"
    BACKUP = "backup"


def command(document: Annotated[DocumentKind, typer.Argument(metavar="DOCUMENT", help="Which document.")]) -> None:
    """Print the JSON Schema of a document, for editors."""
    from swarmnet.parse.schema import document_schema, playbook_schema  # noqa: PLC0415 - pydantic models are slow

    if document is DocumentKind.PLAYBOOK:
        schema = playbook_schema()
    elif document is DocumentKind.INVENTORY:
        from swarmnet.parse.inventory import InventoryFile  # noqa: PLC0415

        schema = document_schema(InventoryFile, "swarmnet inventory")
    else:
        from swarmnet.model.backup import BackupDocument  # noqa: PLC0415

        schema = document_schema(BackupDocument, "swarmnet backup, opened")
    typer.echo(json.dumps(schema, indent=2))
