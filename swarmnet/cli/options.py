"""Options that commands share, so that each is spelled and explained once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

InventoryOption = Annotated[
    Path,
    typer.Option("--inventory", "-i", help="Inventory file.", envvar="SWARMNET_INVENTORY", show_envvar=True),
]
LimitOption = Annotated[
    list[str] | None,
    typer.Option("--limit", help="Only these hosts or groups; repeat or use commas; !NAME takes out."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.", envvar="SWARMNET_YES")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Say more, and show causes of errors.")]
TimeoutOption = Annotated[float, typer.Option("--timeout", help="Seconds that one wait may take.", min=1)]
