"""``swarmnet keys``: who can open backups, who signs them, and whose signature counts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.options import JsonOption, grouped
from swarmnet.cli.output import print_document, print_lines
from swarmnet.cli.sealing import ClusterOption, Opening, SignOption, SingleOption, key_ring, rewrapping_vault
from swarmnet.cli.wiring import user_name
from swarmnet.errors import UsageError
from swarmnet.report.terminal.text import on_one_line

if TYPE_CHECKING:
    from swarmnet.edge.backups.key_ring import BackupKeys
    from swarmnet.report.documents.backups import RewrappedEntry
    from swarmnet.report.documents.keys import KeysDocument
    from swarmnet.workflows.backup import Rewrapped

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
EXAMPLE = "swarmnet keys init --recovery-file /media/stick/recovery.txt"

ENOUGH = 2
"""Recipients that a backup needs at least: one lost key must not make it unreadable."""

DirectoryOption = Annotated[
    Path | None,
    typer.Option(
        "--directory",
        "--keys",
        metavar="DIR",
        help="Directory of keys; default: the user's own.",
        envvar="SWARMNET_KEYS",
        show_default=False,
    ),
]


@app.command(
    epilog="Example: swarmnet keys init --recovery-file /media/stick/recovery.txt",
    short_help="Create your keys, and one for recovery.",
)
def init(
    directory: DirectoryOption = None,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Your name in the lists; default: the login name.")
    ] = "",
    recovery_file: Annotated[
        Path | None,
        typer.Option(
            "--recovery-file", metavar="FILE", help="Write the recovery identity there instead of printing it."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Create an identity to open with, a key to sign with, and a recovery identity that is shown only once."""
    from swarmnet.report.documents.keys import KeysInitDocument

    ring = key_ring(directory)
    recovery = ring.create(name or user_name(), recovery_file=recovery_file)
    shown = recovery if recovery_file is None else str(recovery_file)
    if as_json:
        print_document(KeysInitDocument(**dict(_described(ring)), recovery_identity=shown))
        return
    _print(ring)
    typer.echo("\nRecovery identity, not stored by swarmnet: keep it safe from fire and theft.")
    typer.echo("With it and any copy of a backup, you can restore; without any identity, you cannot.")
    typer.echo(f"  {on_one_line(shown)}")
    if recovery_file is None:
        typer.echo("Keep the `signs` line with it: on a new machine, --trust needs that key.")


@app.command("list", epilog="Example: swarmnet keys list --json")
def list_(directory: DirectoryOption = None, as_json: JsonOption = False) -> None:
    """Show recipients and trusted signers."""
    ring = key_ring(directory)
    if as_json:
        print_document(_described(ring))
    else:
        _print(ring)


@app.command(
    epilog="Example: swarmnet keys add 'ssh-ed25519 AAAA... bob' ; swarmnet keys add --signer 'ssh-ed25519 ...'",
    short_help="Add a recipient, or trust a signer.",
)
def add(
    key: Annotated[str, typer.Argument(metavar="KEY", help="age1..., ssh-ed25519 ... or ssh-rsa ... public key.")],
    directory: DirectoryOption = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The owner of the key.")] = "",
    signer: Annotated[
        bool, typer.Option("--signer", help="Trust backups signed by this key, instead of sealing to it.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Seal future backups to an additional recipient, or trust an additional signer."""
    from swarmnet.edge.backups.keys import parse_recipient, parse_signer

    ring, text = key_ring(directory), f"{key} # {name}" if name else key
    if signer:
        ring.add_signer(parse_signer(text))
    else:
        ring.add_recipient(parse_recipient(text))
    typer.echo("added; it takes effect with the next backup", err=True)
    if as_json:
        print_document(_described(ring))


@app.command(epilog="Example: swarmnet keys remove bob", short_help="Remove a recipient or a signer.")
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name, fingerprint or key of a recipient or signer.")],
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a recipient or a signer. A removed recipient can still open the backups that were sealed to it."""
    ring = key_ring(directory)
    if ring.remove(name) == 0:
        raise UsageError(f"no recipient or signer {name!r}", hint="`swarmnet keys list` shows them")
    typer.echo("removed; older backups can still be opened with that key", err=True)
    if (left := len(ring.recipients())) < ENOUGH:
        typer.echo(
            f"warning: {left} of {ENOUGH} recipients are left: `swarmnet backup create` refuses from now on, schedules"
            " too; `swarmnet keys add` another one, or allow it with --single-recipient",
            err=True,
        )
    if not ring.signers():
        typer.echo("warning: no signer is trusted: no backup can be checked or restored", err=True)
    if as_json:
        print_document(_described(ring))


@app.command(
    epilog="Example: swarmnet keys renew --name alice", short_help="Replace an identity or a signing key that was lost."
)
def renew(
    directory: DirectoryOption = None,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Your name in the lists; default: the login name.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Create your identity or your signing key where it is missing. An existing key is never overwritten.

    Older backups stay trusted, and open with any identity that they were sealed to, such as the recovery identity.
    """
    from swarmnet.report.documents.keys import KeysRenewDocument

    ring = key_ring(directory)
    made = ring.renew(name or user_name())
    if not made:
        raise UsageError(f"{ring.directory} already has an identity and a signing key; they are never overwritten")
    if as_json:
        print_document(KeysRenewDocument(**dict(_described(ring)), made=[str(path) for path in made]))
        return
    for path in made:
        typer.echo(f"created {on_one_line(str(path))}")
    if ring.signing_key in made:
        signer = ring.signers()[-1]
        typer.echo("\nAdd this line to your recovery file, so that it also names the new signer:")
        typer.echo(f"# signer: {signer.line} # {on_one_line(signer.name)}")


@app.command(
    epilog="Example: swarmnet keys rewrap --repository backups",
    short_help="Seal existing backups again for the present recipients.",
)
@grouped
def rewrap(
    opening: Opening,
    cluster: ClusterOption = None,
    sign_with: SignOption = None,
    single_recipient: SingleOption = False,
    as_json: JsonOption = False,
) -> None:
    """Seal existing backups again for the present recipients, signed by you. Each is replaced whole or left as it was.

    A removed recipient can still open copies elsewhere. The exit code is that of the most serious problem.
    """
    from swarmnet.report.documents.backups import RewrapDocument
    from swarmnet.report.terminal.progress import ProgressLines
    from swarmnet.workflows.backup import rewrap as seal_again

    vault = rewrapping_vault(opening, sign_with, single_recipient=single_recipient)
    wanted = frozenset(one.fingerprint for one in vault.recipients)
    listener = ProgressLines(sys.stderr, verbose=False)
    entries = opening.listing(vault, cluster)
    results = seal_again(entries, wanted, repository=opening.store(), vault=vault, listener=listener)
    if as_json:
        print_document(RewrapDocument(schema_=1, backups=[_rewrapped(one) for one in results]))
    else:
        print_lines(f"{one.entry.name}  {_word(one)}" for one in results)
    if problems := [one.problem.exit_code for one in results if one.problem is not None]:
        raise typer.Exit(max(problems))


def _word(one: Rewrapped) -> str:
    if one.problem is not None:
        return f"FAILED, left as it was: {one.problem.message}"
    return "sealed again" if one.changed else "already sealed to exactly these recipients"


def _rewrapped(one: Rewrapped) -> RewrappedEntry:
    from swarmnet.report.documents.backups import RewrappedEntry, problem_entry

    return RewrappedEntry(name=one.entry.name, changed=one.changed, problem=problem_entry(one.problem))


def _described(ring: BackupKeys) -> KeysDocument:
    from swarmnet.report.documents.keys import KeyEntry, KeysDocument

    return KeysDocument(
        schema_=1,
        directory=str(ring.directory),
        identity=str(ring.identity) if ring.identity.exists() else None,
        recipients=[KeyEntry(key=r.key, name=r.name, fingerprint=r.fingerprint) for r in ring.recipients()],
        signers=[KeyEntry(key=s.line, name=s.name, fingerprint=s.fingerprint) for s in ring.signers()],
    )


def _print(ring: BackupKeys) -> None:
    if not (ring.recipients() or ring.signers()):
        typer.echo(f"no keys in {on_one_line(str(ring.directory))}; `swarmnet keys init` creates them")
        return
    typer.echo(f"keys in {on_one_line(str(ring.directory))}")
    for recipient in ring.recipients():
        typer.echo(f"  opens  {recipient.fingerprint}  {on_one_line(recipient.name):<12} {recipient.key}")
    for signer in ring.signers():
        typer.echo(f"  signs  {signer.fingerprint}  {on_one_line(signer.name):<12} {signer.line}")
