"""``swarmnet bundle``: evidence of all hosts in one file, for a support case."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.options import LimitedCluster, grouped
from swarmnet.cli.output import Output
from swarmnet.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from swarmnet.model.evidence import Evidence
    from swarmnet.workflows.bundle.collect import OwnFile

EXAMPLE = "swarmnet bundle -i lab.yml --to case.tar.gz"
ENDING = ".tar.gz"
LONGEST_WINDOW = 7 * 24 * 3600
README = """Evidence of cluster {cluster}, collected by {tool} at {created}.

manifest.json lists every file with the command that made it, its digest, and what could not be collected.
cluster/ is what managers and engines say of their objects; hosts/ has a folder for each host.
Secrets are replaced by ***, as far as they can be known: values of variables, arguments, labels and configs,
passwords in URLs, tokens, private keys, keys of IPsec, and values of names that sound secret.
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is bundled, and where."""

    to: Annotated[
        Path, typer.Option("--to", "-o", metavar="FILE", help="The archive that is written, such as case.tar.gz.")
    ]
    logs: Annotated[
        str,
        typer.Option(
            "--logs", metavar="TIME", help="How far logs and events of engines and kernels go back: 30m, 2h, 1d."
        ),
    ] = "2h"
    verify: Annotated[
        bool, typer.Option("--verify", help="Also include the newest result that swarmnet verify --save kept.")
    ] = False
    pseudonyms: Annotated[
        bool,
        typer.Option("--pseudonyms", help="Replace names and addresses of hosts, each by the same word everywhere."),
    ] = False


@grouped
def command(cluster: LimitedCluster, wanted: Wanted, output: Output) -> None:
    """Collect evidence of all hosts in one archive, without secrets.

    It holds what managers and engines say of their objects, versions, the engine's settings, logs and events, and the
    network tables of each host: addresses, routes, neighbours, forwarding entries, firewall rules, IPVS, IPsec without
    keys. Logs of containers are left out. Exit 3: a host gave nothing, or not all; the archive holds the rest.
    """
    from importlib.metadata import version as installed

    from swarmnet.edge.operator.bundle_file import write_bundle
    from swarmnet.report.documents.bundle import bundle_document, manifest
    from swarmnet.report.reports.bundle import bundle_report
    from swarmnet.workflows.bundle.collect import BundleWish, collect
    from swarmnet.workflows.fleet.observe import Look, observe

    targets = output.targets()
    seconds = window(wanted.logs)
    path = checked(wanted.to)
    hosts = cluster.read()
    names = cluster.names(hosts)
    asked = tuple(one.name for one in hosts.hosts if names is None or one.name in names)
    with cluster.connected(hosts) as ports:
        now = ports.clock.now()
        state = observe(ports, Look(hosts=names, containers=True, all_made=True))
        extra = (last_result(hosts.cluster),) if wanted.verify else ()
        found = collect(ports, state, BundleWish(asked, seconds, pseudonyms=wanted.pseudonyms, extra=extra))
    tool, created = f"swarmnet {installed('swarmnet')}", now.astimezone(UTC).isoformat(timespec="seconds")
    listed = manifest(found, created=created, tool=tool, pseudonyms=wanted.pseudonyms, log_seconds=seconds)
    about = README.format(cluster=found.cluster, tool=tool, created=created).encode()
    files = [("README.txt", about), ("manifest.json", f"{listed.model_dump_json(by_alias=True, indent=1)}\n".encode())]
    files += [(one.path, one.content) for one in found.pieces if one.path]
    size = write_bundle(path, folder_name(found, now), files, at=int(now.timestamp()))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    targets.emit(bundle_report(bundle_document(found, path=str(path), data=size, sha256=digest)))
    if found.absent:
        raise typer.Exit(ExitCode.INCOMPLETE)


def last_result(cluster: str) -> OwnFile:
    """Return the newest result of verify that is kept, as a file of the bundle; without a value where none is."""
    import json

    from swarmnet.cli.results import history_of
    from swarmnet.edge.operator.history import read_result
    from swarmnet.workflows.bundle.collect import OwnFile

    newest = history_of(cluster).files()[:1]
    value = json.loads(read_result(newest[0])) if newest else None
    return OwnFile("verify/last.json", "swarmnet verify --save", value)


def folder_name(found: Evidence, now: datetime) -> str:
    """Return the name of the folder in the archive."""
    from swarmnet.workflows.bundle.pseudonyms import folder_of

    return f"swarmnet-{folder_of(found.cluster)}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def window(text: str) -> int:
    """Return how many seconds of logs are wanted.

    Raises:
        UsageError: it is not a duration, or too long.
    """
    from swarmnet.operations.notation import seconds

    try:
        found = int(float(str(seconds(text))))
    except (ValueError, OverflowError):
        raise UsageError(f"--logs {text} is not a duration", hint="write 30m, 2h or 1d") from None
    if not 0 < found <= LONGEST_WINDOW:
        raise UsageError(f"--logs {text} is out of bounds", hint="write at most 168h: more fits no support case")
    return found


def checked(path: Path) -> Path:
    """Return the path of the archive, before the work begins.

    Raises:
        UsageError: it cannot be written there.
    """
    if not path.name.endswith((ENDING, ".tgz")):
        raise UsageError(f"{path} is not the name of an archive", hint=f"write a name that ends with {ENDING}")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: its directory does not exist", hint="create it first")
    return path
