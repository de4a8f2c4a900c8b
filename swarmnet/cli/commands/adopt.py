"""``swarmnet adopt``: the playbook of a living swarm, or of a backup."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli import wiring
from swarmnet.cli.options import Cluster, grouped
from swarmnet.cli.output import Output
from swarmnet.cli.sealing import Opening
from swarmnet.errors import ExitCode, RefusedError, UnwrittenError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.hosts import Inventory
    from swarmnet.model.state import ClusterState

EXAMPLE = "swarmnet adopt -i old.yml -o site.yml --inventory-out new.yml"

PlaybookOption = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="The playbook to write.", show_default=False)
]
InventoryOutOption = Annotated[
    Path | None,
    typer.Option(
        "--inventory-out", metavar="FILE", help="Also write the inventory, with the nodes' roles, labels, availability."
    ),
]
FromOption = Annotated[
    str | None,
    typer.Option("--from", metavar="BACKUP", help="Describe a backup: a path, `latest`, or the start of a name or id."),
]


@dataclass(frozen=True, slots=True)
class Files:
    """The files that are written."""

    output: PlaybookOption
    inventory_out: InventoryOutOption = None
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False

    def refuse_existing(self) -> None:
        """Refuse to replace a file, unless that is allowed."""
        for path in (self.output, self.inventory_out):
            if path is None:
                continue
            if path.exists() and not self.overwrite:
                raise RefusedError(f"{path} exists; nothing was written", hint="name another file, or add --overwrite")
            if not path.absolute().parent.is_dir():
                raise UsageError(f"{path}: its directory does not exist", hint="create it first")

    def write(self, contents: Mapping[Path, bytes]) -> None:
        """Write the files, the playbook last; only their owner can read them.

        Raises:
            RefusedError: one of them exists with other content.
            UsageError: one cannot be written.
        """
        from swarmnet.files import make_folder, write_atomically, write_once

        for path, content in contents.items():
            try:
                make_folder(path.parent)
                if self.overwrite or not path.exists():
                    (write_atomically if self.overwrite else write_once)(path, content)
                elif path.read_bytes() != content:
                    raise RefusedError(f"{path} exists with other content", hint="move it away, or add --overwrite")
            except OSError as error:
                raise UnwrittenError(path, error) from None


@grouped
def command(
    cluster: Cluster,
    result: Output,
    files: Files,
    sealed: Opening,
    from_: FromOption = None,
    take_ownership: Annotated[
        bool,
        typer.Option("--take-ownership", help="Write `take_ownership: true` into steps of what others made."),
    ] = False,
) -> None:
    """Write the playbook of what is there, also of what others made. Nothing is written to any host.

    The plan of the playbook is empty; what no step can describe is written as a comment, with the reason. The files
    hold values of variables and configs in clear, so only you can read them. Fill in the values of secrets.
    Exit 3: some hosts did not answer. Exit 5: a file exists.
    """
    from swarmnet.parse.inventory import parse_inventory
    from swarmnet.plan.adopt.draft import Wish
    from swarmnet.report.documents.adopt import AdoptDocument, LeftOutEntry
    from swarmnet.report.documents.base import failure_entries
    from swarmnet.report.reports.adopt import adopt_report
    from swarmnet.workflows.adopt import adopt

    targets, hosts = result.targets(), cluster.read()
    files.refuse_existing()
    output, inventory_out = files.output, files.inventory_out
    state, described = _living(cluster, hosts) if from_ is None else _of_backup(sealed, from_, hosts)
    inventory = {} if inventory_out is None else {inventory_out: _inventory(cluster, hosts, state)}
    for path, content in inventory.items() if from_ is None else ():
        described = parse_inventory(content, name=str(path), folder=path.parent).inventory
    head = (f"The playbook of cluster {hosts.cluster}, written by swarmnet adopt.", f"  swarmnet plan {output}")
    made = adopt(state, described, Wish(stem=output.stem, take_ownership=take_ownership), head=head)
    contents = {output.parent / name: content for name, content in made.files.items()}
    files.write({**contents, **inventory, output: made.text.encode()})
    document = AdoptDocument(
        schema_=1,
        cluster=hosts.cluster,
        playbook=str(output),
        inventory=None if inventory_out is None else str(inventory_out),
        files=[str(path) for path in contents],
        steps=dict(Counter(step.operation for step in made.steps if not step.muted)),
        left_out=[LeftOutEntry(object=name, reason=reason) for name, reason in made.left_out.items()],
        warnings=list(made.warnings),
        failures=failure_entries(state.failures),
    )
    targets.emit(adopt_report(document))
    if state.failures:
        raise typer.Exit(ExitCode.INCOMPLETE)


def _living(cluster: Cluster, hosts: Inventory) -> tuple[ClusterState, Inventory]:
    from swarmnet.model.standing import answered
    from swarmnet.workflows.backup import undisturbed
    from swarmnet.workflows.fleet.observe import Look

    with cluster.connected(hosts) as ports:
        state = undisturbed(ports, Look(containers=True, all_made=True), wiring.this_operator())
    answered(state, hosts)
    return state, hosts


def _of_backup(sealed: Opening, reference: str, hosts: Inventory) -> tuple[ClusterState, Inventory]:
    from swarmnet.plan.adopt.nodes import hosts_of

    document = sealed.document(reference, cluster=hosts.cluster)
    return document.state, hosts_of(document.state, hosts.cluster)


def _inventory(cluster: Cluster, hosts: Inventory, state: ClusterState) -> bytes:
    """Return the inventory with what the nodes are; comments of the file are not kept."""
    from swarmnet.edge.operator.files import read_document
    from swarmnet.parse.write import document_text
    from swarmnet.parse.yaml import load
    from swarmnet.plan.adopt.nodes import inventory_data

    data = load(read_document(cluster.inventory), str(cluster.inventory), "an inventory").data
    return document_text(inventory_data(data, hosts, state)).encode()
