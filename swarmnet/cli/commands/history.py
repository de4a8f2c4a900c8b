"""``swarmnet history``: the results of verify that were kept, and what changed between two of them."""

from __future__ import annotations

from typing import Annotated

import typer

from swarmnet.cli.options import InventoryOption, grouped
from swarmnet.cli.output import Output
from swarmnet.errors import ExitCode, UsageError

EXAMPLE = "swarmnet history list -i lab.yml"
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

RunArgument = Annotated[
    str | None,
    typer.Argument(metavar="[RUN|FILE]", help="A run that is kept, or the file of a result.", show_default=False),
]


@app.command("list", epilog=f"Example: {EXAMPLE}", short_help="List the results of verify that were kept.")
@grouped
def list_(inventory: InventoryOption, output: Output) -> None:
    """List the results that `verify --save` kept of this cluster, the newest first."""
    from swarmnet.cli.results import history_of, read
    from swarmnet.cli.wiring import read_inventory
    from swarmnet.report.documents.history import history_document, kept_run
    from swarmnet.report.reports.history import history_report

    targets, cluster = output.targets(), read_inventory(inventory).cluster
    history, runs, unreadable = history_of(cluster), [], []
    for path in history.files():
        try:
            runs.append(kept_run(read(path, cluster, what=str(path)), path))
        except UsageError as error:
            unreadable.append(error.message)
    targets.emit(history_report(history_document(cluster, runs, unreadable)))


@app.command(
    epilog="Example: swarmnet history diff -i lab.yml", short_help="Show what changed between two results of verify."
)
@grouped
def diff(inventory: InventoryOption, output: Output, before: RunArgument = None, after: RunArgument = None) -> None:
    """Show what changed between two results: the two newest ones, or from BEFORE to AFTER.

    With one of them, the newest result is compared with it. Exit 6: something changed.
    """
    from swarmnet.cli.results import LAST, history_of, result
    from swarmnet.cli.wiring import read_inventory
    from swarmnet.edge.operator.history import run_of
    from swarmnet.report.documents.history import history_diff_document
    from swarmnet.report.reports.history import history_diff_report

    targets, cluster = output.targets(), read_inventory(inventory).cluster
    if before is None:
        kept = history_of(cluster).files()
        if len(kept) < PAIR:
            raise UsageError(
                f"two results of cluster {cluster} are needed, and {len(kept)} is kept",
                hint="keep them with swarmnet verify --save, or name two files",
            )
        before = run_of(kept[1])
    one, two = result(before, cluster, option="history diff"), result(after or LAST, cluster, option="history diff")
    document = history_diff_document(one, two)
    targets.emit(history_diff_report(document))
    if document.since.verdicts or document.since.pairs:
        raise typer.Exit(ExitCode.PENDING)


PAIR = 2
"""Results that can be compared."""
