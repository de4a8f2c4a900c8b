"""Sealing: one file that anyone can check, only recipients can open, and only signers can make.

Its layout is that of :mod:`swarmnet.edge.backups.sealed_file`. The signature covers every byte, so a changed file
is distinguished from a wrong key before any decryption, which age alone cannot do. docs/how-to/open-a-backup.md shows
how to check and open a backup without swarmnet.

Sealing proves itself: each file is also sealed to a key that lives for that moment only, and opened again with it. That
key is the one X25519 stanza of the age file that the header does not name; it was thrown away.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyrage

from swarmnet.edge.backups import raft_file
from swarmnet.edge.backups.keys import Recipient, Signer, fingerprint, unopened
from swarmnet.edge.backups.sealed_file import CONTAINER, RAFT, Head, signed_document, verified_document
from swarmnet.errors import DamagedError, UsageError, WrongKeyError
from swarmnet.model.backup import BackupDocument, Reason, dump, load, schema_number
from swarmnet.model.sealed import HEAD, SealedHeader, SealedRaft

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from swarmnet.model.raft_archive import RaftManifest
    from swarmnet.model.sealed import Sink

_GZIP = zlib.MAX_WBITS | 16
"""How zlib is asked for gzip's format, with its checksum."""

LARGEST_DOCUMENT = 256 * 1024 * 1024
"""Bytes of plain text that are read at most: a few hundred hosts need less than a tenth."""


@dataclass(frozen=True)
class AgeVault:
    """Seals with age and Ed25519; what is not given, it cannot do: no signing key, no sealing."""

    recipients: tuple[Recipient, ...] = ()
    trusted: tuple[Signer, ...] = ()
    identities: Sequence[object] = ()
    signing_key: Ed25519PrivateKey | None = None
    single_recipient: bool = False

    @property
    def can_open(self) -> bool:
        """True when an identity is available."""
        return bool(self.identities)

    def seal(self, document: BackupDocument) -> bytes:
        """Return the sealed file's bytes, opened again and compared before they are returned."""
        recipients, signing = self._parties()
        proof = pyrage.x25519.Identity.generate()
        keys = [*(recipient.age() for recipient in recipients), proof.to_public()]
        plain = signed_document(dump(document), signing)
        sealed: bytes = pyrage.encrypt(gzip.compress(plain, mtime=0), keys)
        header = _header_of(document, recipients, sealed, signer=fingerprint(signing.public_key()))
        blob = bytes(Head.signed(header, signing)) + sealed
        if AgeVault(trusted=(Signer(header.signer),), identities=[proof]).open(blob) != document:
            raise DamagedError("the sealed backup does not open to what was sealed")
        return blob

    def _parties(self) -> tuple[tuple[Recipient, ...], Ed25519PrivateKey]:
        """Return whom to seal to and what to sign with; raise ``UsageError`` where that is not enough."""
        if self.signing_key is None:
            raise UsageError("no key to sign the backup with", hint="run `swarmnet keys init`, or give --sign-with")
        return self.check_recipients(), self.signing_key

    def check_recipients(self) -> tuple[Recipient, ...]:
        """Return whom to seal to, each once; raise ``UsageError`` where those are too few."""
        recipients = tuple({recipient.key: recipient for recipient in self.recipients}.values())
        if len(recipients) < (1 if self.single_recipient else 2):
            raise UsageError(
                f"a backup for {len(recipients)} recipient(s) is lost with that key",
                hint="`swarmnet keys add` another recipient, or allow it with --single-recipient",
            )
        return recipients

    def seal_raft(self, produce: Callable[[Sink], RaftManifest], out: BinaryIO, *, reason: Reason) -> SealedRaft:
        """Seal a raft archive part by part; nothing of it is kept in memory."""
        recipients, signing = self._parties()
        proof = pyrage.x25519.Identity.generate()
        keys = [*(recipient.age() for recipient in recipients), proof.to_public()]
        manifest, sealed = raft_file.seal(produce, out, keys, signing)
        header = SealedHeader(
            container=RAFT,
            schema_version=manifest.schema_version,
            id=manifest.id,
            created=manifest.created,
            tool=manifest.tool,
            cluster=manifest.cluster,
            reason=reason,
            tags=manifest.tags,
            complete=True,
            recipients=tuple(recipient.fingerprint for recipient in recipients),
            signer=fingerprint(signing.public_key()),
            sealed_bytes=sealed.size,
            sealed_sha256=sealed.sha256.hexdigest(),
        )
        mine = AgeVault(trusted=(Signer(header.signer),), identities=[proof])

        def check(file: BinaryIO) -> None:
            if mine.open_raft(file) != manifest:
                raise DamagedError("the sealed archive does not open to what was sealed")

        return SealedRaft(header, bytes(Head.signed(header, signing)), check)

    def whole(self, file: BinaryIO) -> SealedHeader:
        """Check all of a file that can be checked without an identity, part by part, and return its header."""
        file.seek(0)
        start = file.read(HEAD)
        header = self.glance(start, file.seek(0, os.SEEK_END))
        file.seek(Head.of(start).size)
        if raft_file.sha256_of(file) != header.sealed_sha256:
            raise DamagedError("the backup's sealed part is not what was signed: it was changed")
        schema_number(header.schema_version)
        return header

    def open_raft(self, file: BinaryIO, sink: Sink = bytes) -> RaftManifest:
        """Check a raft archive, give what is in it to ``sink``, and return what it tells about itself."""
        header = self.whole(file)
        if not header.is_raft:
            raise UsageError(
                "it is not a raft archive: it describes the swarm, and holds no secrets",
                hint="swarmnet restore plan BACKUP shows what it brings back",
            )
        self._can_open(header)
        file.seek(0)
        file.seek(Head.of(file.read(HEAD)).size)
        return raft_file.read_manifest(file, header, self.identities, sink)

    def _can_open(self, header: SealedHeader) -> None:
        if not self.identities:
            raise WrongKeyError(
                "no identity to open the backup with",
                hint=f"it is sealed to {', '.join(header.recipients)}; give --identity FILE",
            )

    def glance(self, head: bytes, size: int) -> SealedHeader:
        """Check the header alone, and that the file is as long as it says."""
        lines = Head.of(head)
        signer = lines.signer()
        if signer not in {one.key for one in self.trusted}:
            raise self._unknown(signer)
        header = lines.header()
        if (rest := size - lines.size) != header.sealed_bytes:
            what = "it is truncated" if rest < header.sealed_bytes else "something was added"
            raise DamagedError(f"the backup's sealed part is not what was signed: {what}")
        return header

    def header(self, blob: bytes) -> SealedHeader:
        """Check everything that can be checked without an identity, and return the header."""
        header = self.glance(blob, len(blob))
        if hashlib.sha256(_sealed(blob, header)).hexdigest() != header.sealed_sha256:
            raise DamagedError("the backup's sealed part is not what was signed: it was changed")
        schema_number(header.schema_version)
        return header

    def open(self, blob: bytes) -> BackupDocument:
        """Check the signature, decrypt, check the inner signature and the hashes, read the schema: in this order."""
        header = self.header(blob)
        if header.is_raft:
            raise UsageError(
                "it is a raft archive: the state of a manager as its engine keeps it, with no description of the swarm",
                hint="swarmnet restore raft BACKUP -i INVENTORY brings it back",
            )
        self._can_open(header)
        try:
            packed = pyrage.decrypt(bytes(_sealed(blob, header)), list(self.identities))
        except pyrage.DecryptError as error:
            raise unopened(error, header.recipients) from error
        document = load(verified_document(_unpacked(packed), header))
        announced = (header.id, header.cluster, header.created, header.complete)
        if (document.id, document.cluster, document.created, document.completeness.complete) != announced:
            raise DamagedError("the backup's header and its content are of two different backups")
        return document

    @staticmethod
    def _unknown(signer: str) -> WrongKeyError:
        key = Signer(signer)
        return WrongKeyError(
            f"the backup's signature is sound, but its signer is not trusted here: {key.fingerprint}",
            hint="compare this with `swarmnet keys list` on the machine that took the backup, or give the recovery file"
            " with --identity, since it names its signer; if it is the right one: "
            f"swarmnet keys add --signer '{key.line}', or --trust '{key.line}' for one run",
        )


def _header_of(
    document: BackupDocument, recipients: tuple[Recipient, ...], sealed: bytes, *, signer: str
) -> SealedHeader:
    return SealedHeader(
        container=CONTAINER,
        schema_version=document.schema_version,
        id=document.id,
        created=document.created,
        tool=document.tool,
        cluster=document.cluster,
        reason=document.reason,
        tags=document.tags,
        complete=document.completeness.complete,
        recipients=tuple(recipient.fingerprint for recipient in recipients),
        signer=signer,
        sealed_bytes=len(sealed),
        sealed_sha256=hashlib.sha256(sealed).hexdigest(),
    )


def _sealed(blob: bytes, header: SealedHeader) -> memoryview:
    return memoryview(blob)[len(blob) - header.sealed_bytes :]


def _unpacked(packed: bytes) -> bytes:
    stream = zlib.decompressobj(_GZIP)
    try:
        plain = stream.decompress(packed, LARGEST_DOCUMENT + 1)
    except zlib.error as error:
        raise DamagedError("the backup's content cannot be unpacked") from error
    if len(plain) > LARGEST_DOCUMENT:
        raise DamagedError(f"the backup unpacks to more than {LARGEST_DOCUMENT} bytes: not a backup of swarmnet")
    if not stream.eof or stream.unused_data:
        raise DamagedError("the backup's content is cut, or something was added to it")
    return plain
