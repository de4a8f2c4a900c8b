"""``swarmnet keys``: who can open backups, who signs them, and whose signature counts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.options import grouped
from swarmnet.cli.output import Output
from swarmnet.cli.sealing import (
    ClusterOption,
    OneBackup,
    Opening,
    SignOption,
    SingleOption,
    key_ring,
    rewrapping_vault,
    single_vaults,
)
from swarmnet.cli.wiring import note, user_name
from swarmnet.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.cli.output import Targets
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
@grouped
def init(
    output: Output,
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
) -> None:
    """Create an identity to open with, a key to sign with, and a recovery identity that is shown only once."""
    from swarmnet.report.documents.keys import KeysInitDocument
    from swarmnet.report.reports.keys import keys_report

    targets, ring = output.targets(), key_ring(directory)
    if targets.files and recovery_file is None:
        raise UsageError(
            "the recovery identity is in the result, which others may read in a file",
            hint="write it to a separate file with --recovery-file",
        )
    recovery = ring.create(name or user_name(), recovery_file=recovery_file)
    shown = recovery if recovery_file is None else str(recovery_file)
    document = KeysInitDocument(**dict(_described(ring)), recovery_identity=shown)
    lines = [
        *_lines(ring),
        "",
        "Recovery identity, not stored by swarmnet: keep it safe from fire and theft.",
        "With it and any copy of a backup, you can restore; without any identity, you cannot.",
        f"  {shown}",
    ]
    if recovery_file is None and sys.stdout.isatty() and not targets.on_stderr:
        from swarmnet.edge.operator.qr_code import qr_lines

        lines += [
            "",
            "The same as a QR code, to be printed or kept on a phone that is not online:",
            *qr_lines(recovery),
            "",
        ]
    if recovery_file is None:
        lines.append("Keep the `signs` line with it: on a new machine, --trust needs that key.")
    targets.emit(keys_report("init", document, lines))


@app.command("list", epilog="Example: swarmnet keys list --json")
@grouped
def list_(output: Output, directory: DirectoryOption = None) -> None:
    """Show recipients and trusted signers."""
    from swarmnet.report.reports.keys import keys_report

    targets, ring = output.targets(), key_ring(directory)
    targets.emit(keys_report("list", _described(ring), _lines(ring)))


@app.command(
    epilog="Example: swarmnet keys add 'ssh-ed25519 AAAA... bob' ; swarmnet keys add --signer 'ssh-ed25519 ...'",
    short_help="Add a recipient, or trust a signer.",
)
@grouped
def add(
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="age1..., ssh-ed25519 ... or ssh-rsa ... public key, or a file of it.")
    ],
    output: Output,
    directory: DirectoryOption = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The owner of the key.")] = "",
    signer: Annotated[
        bool, typer.Option("--signer", help="Trust backups signed by this key, instead of sealing to it.")
    ] = False,
) -> None:
    """Seal future backups to an additional recipient, or trust an additional signer."""
    from swarmnet.edge.backups.keys import parse_recipient, parse_signer

    targets, ring = output.targets(), key_ring(directory)
    key = _from_file(key)
    text = f"{key} # {name}" if name else key
    if signer:
        ring.add_signer(parse_signer(text))
    else:
        ring.add_recipient(parse_recipient(text))
    note("added; it takes effect with the next backup")
    _changed("add", ring, targets)


def _from_file(key: str) -> str:
    """Return the key in a file, where that is what was named."""
    from swarmnet.edge.operator.owned_files import read_public

    if " " in key or not ("/" in key or key.endswith(".pub")):
        return key
    path = Path(key).expanduser()
    return read_public(path).decode(errors="replace").strip() if path.is_file() else key


@app.command(epilog="Example: swarmnet keys remove bob", short_help="Remove a recipient or a signer.")
@grouped
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name, fingerprint or key of a recipient or signer.")],
    output: Output,
    directory: DirectoryOption = None,
) -> None:
    """Remove a recipient or a signer. A removed recipient can still open the backups that were sealed to it."""
    targets, ring = output.targets(), key_ring(directory)
    if ring.remove(name) == 0:
        raise UsageError(f"no recipient or signer {name!r}", hint="`swarmnet keys list` shows them")
    note("removed; older backups can still be opened with that key")
    if (left := len(ring.recipients())) < ENOUGH:
        note(
            f"warning: {left} of {ENOUGH} recipients are left: `swarmnet backup create` refuses from now on, schedules"
            " too; `swarmnet keys add` another one, or allow it with --single-recipient"
        )
    if not ring.signers():
        note("warning: no signer is trusted: no backup can be checked or restored")
    _changed("remove", ring, targets)


@app.command(
    epilog="Example: swarmnet keys renew --name alice", short_help="Replace an identity or a signing key that was lost."
)
@grouped
def renew(
    output: Output,
    directory: DirectoryOption = None,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Your name in the lists; default: the login name.")
    ] = "",
) -> None:
    """Create your identity or your signing key where it is missing. An existing key is never overwritten.

    Older backups stay trusted, and open with any identity that they were sealed to, such as the recovery identity.
    """
    from swarmnet.report.documents.keys import KeysRenewDocument
    from swarmnet.report.reports.keys import keys_report

    targets, ring = output.targets(), key_ring(directory)
    made = ring.renew(name or user_name())
    if not made:
        raise UsageError(f"{ring.directory} already has an identity and a signing key; they are never overwritten")
    document = KeysRenewDocument(**dict(_described(ring)), made=[str(path) for path in made])
    lines = [f"created {path}" for path in made]
    if ring.signing_key in made:
        signer = ring.signers()[-1]
        lines += ["", "Add this line to your recovery file, so that it also names the new signer:"]
        lines += [f"# signer: {signer.line} # {signer.name}"]
    targets.emit(keys_report("renew", document, lines))


@app.command(
    epilog="Example: swarmnet keys check --identity /media/stick/recovery.txt",
    short_help="Prove who can open the newest backup.",
)
@grouped
def check(source: OneBackup, output: Output, cluster: ClusterOption = None) -> None:
    """Open a backup with each available identity, one by one; name the recipients for which that could not be tried.

    Exit 1: a recipient of today cannot open it. Exit 3: it was not tried for all.
    """
    from swarmnet.model.escrow import Proof
    from swarmnet.report.documents.keys import escrow_document
    from swarmnet.report.reports.keys import escrow_report
    from swarmnet.workflows.backup_lookup import checked_header
    from swarmnet.workflows.escrow import escrow, strangers

    targets, store, vault = output.targets(), source.store(), source.vault()
    entry = source.find(source.backup, vault, cluster=cluster)
    header = checked_header(entry, repository=store, vault=vault)
    names = {one.fingerprint: one.name for one in key_ring(source.keys).recipients()}
    single = single_vaults(source.keys, source.identity, source.trust)
    found = escrow(entry, header, names, single, repository=store)
    targets.emit(escrow_report(escrow_document(entry.name, found, strangers(single, found))))
    proofs = {one.proof for one in found}
    if proofs & {Proof.FAILED, Proof.LEFT_OUT}:
        raise typer.Exit(ExitCode.FAILED)
    if Proof.UNPROVEN in proofs:
        raise typer.Exit(ExitCode.INCOMPLETE)


@app.command(
    epilog="Example: swarmnet keys rewrap --repository backups",
    short_help="Seal existing backups again for the present recipients.",
)
@grouped
def rewrap(
    opening: Opening,
    output: Output,
    cluster: ClusterOption = None,
    sign_with: SignOption = None,
    single_recipient: SingleOption = False,
) -> None:
    """Seal existing backups again for the present recipients, signed by you. Each is replaced whole or left as it was.

    A removed recipient can still open copies elsewhere. The exit code is that of the most serious problem.
    """
    from swarmnet.report.documents.backups import RewrapDocument
    from swarmnet.report.reports.backups import rewrapped_report
    from swarmnet.report.terminal.progress import ProgressLines
    from swarmnet.workflows.backup import rewrap as seal_again

    targets = output.targets()
    store, vault = opening.writable(), rewrapping_vault(opening, sign_with, single_recipient=single_recipient)
    wanted = frozenset(one.fingerprint for one in vault.recipients)
    listener = ProgressLines(sys.stderr, verbose=False)
    entries = opening.listing(vault, cluster)
    results = seal_again(entries, wanted, repository=store, vault=vault, listener=listener)
    document = RewrapDocument(schema_=1, backups=[_rewrapped(one) for one in results])
    targets.emit(rewrapped_report(document, [f"{one.entry.name}  {_word(one)}" for one in results]))
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


def _changed(verb: str, ring: BackupKeys, targets: Targets) -> None:
    """Write the keys after a change; people have read what changed."""
    from swarmnet.report.reports.keys import keys_report

    targets.emit(keys_report(verb, _described(ring), _lines(ring)), shown=True)


def _lines(ring: BackupKeys) -> Iterator[str]:
    if not (ring.recipients() or ring.signers()):
        yield f"no keys in {ring.directory}; `swarmnet keys init` creates them"
        return
    yield f"keys in {ring.directory}"
    for recipient in ring.recipients():
        yield f"  opens  {recipient.fingerprint}  {recipient.name:<12} {recipient.key}"
    for signer in ring.signers():
        yield f"  signs  {signer.fingerprint}  {signer.name:<12} {signer.line}"
