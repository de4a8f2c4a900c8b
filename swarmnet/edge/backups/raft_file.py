"""The sealed part of a raft archive, written and read as a stream: its size is never in memory, nor in clear on a disk.

::

    <the three lines of a sealed file, container 3>
    <age file: the packed archive (tar, gzip); then gzip of: a line with the signature of the manifest; the manifest>

Both parts of gzip are one file for others, and ``tar`` reads no further than its own end: ``age -d | tar -xz`` unpacks
it. The manifest names the archive by length and SHA-256, so that its signature is that of the archive, too.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

import pyrage
from cryptography.exceptions import InvalidSignature

from swarmnet.edge.backups import sshsig
from swarmnet.edge.backups.keys import fingerprint, unopened
from swarmnet.errors import DamagedError, SwarmnetError
from swarmnet.model.raft_archive import RaftManifest, dump_manifest, load_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from swarmnet.model.sealed import SealedHeader

MANIFEST_NAMESPACE = b"swarmnet-raft"
CHUNK = 256 * 1024
"""Bytes that are read at once."""
_GZIP = zlib.MAX_WBITS | 16
_UNPACKED_AT_ONCE = 1024 * 1024
_LARGEST_MANIFEST = 1024 * 1024


@dataclass(slots=True)
class Digest:
    """Counts and hashes what is written through it."""

    out: BinaryIO
    size: int = 0
    sha256: hashlib._Hash = field(default_factory=hashlib.sha256)

    def write(self, data: bytes) -> int:
        """Write, as a file does."""
        self.size += len(data)
        self.sha256.update(data)
        return self.out.write(data)

    def flush(self) -> None:
        """Write what is buffered."""
        self.out.flush()


def seal(
    produce: Callable[[Callable[[bytes], object]], RaftManifest],
    out: BinaryIO,
    recipients: Sequence[object],
    key: Ed25519PrivateKey,
) -> tuple[RaftManifest, Digest]:
    """Seal what ``produce`` gives to its argument, and the manifest that it returns, into a file.

    Returns:
        The manifest with the archive's size and digest, and the digest of the sealed part.

    Raises:
        SwarmnetError: the file cannot be written; what ``produce`` raises passes.
    """
    sealed, packed = Digest(out), hashlib.sha256()
    size = 0
    with sealing(sealed, recipients, _unwritten) as sink:

        def counted(data: bytes) -> None:
            nonlocal size
            size += len(data)
            packed.update(data)
            sink(data)

        found = produce(counted)
        manifest = found.model_copy(update={"archive_bytes": size, "archive_sha256": packed.hexdigest()})
        text = dump_manifest(manifest)
        sink(gzip.compress(sshsig.sign(key, MANIFEST_NAMESPACE, text) + b"\n" + text, mtime=0))
    return manifest, sealed


@contextmanager
def sealing(
    out: BinaryIO | Digest, recipients: Sequence[object], refused: Callable[[OSError], SwarmnetError]
) -> Iterator[Callable[[bytes], None]]:
    """Yield what seals the parts that it gets into a file, which is whole once the block has ended without an error.

    Args:
        out: the file.
        recipients: as pyrage has them.
        refused: makes the error that is raised when the file cannot be written.
    """
    reading, writing = os.pipe()

    def encrypt() -> None:
        with os.fdopen(reading, "rb") as plain:
            try:
                pyrage.encrypt_io(plain, out, list(recipients))
            except OSError as error:
                raise refused(error) from error

    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(encrypt)
        with os.fdopen(writing, "wb", buffering=0) as pipe:

            def sink(data: bytes) -> None:
                try:
                    _write_all(pipe, data)
                except BrokenPipeError:
                    ended.result()

            yield sink
        ended.result()


def sha256_of(file: BinaryIO) -> str:
    """Return the digest of the rest of a file."""
    digest = hashlib.sha256()
    while part := file.read(CHUNK):
        digest.update(part)
    return digest.hexdigest()


def read_manifest(
    sealed: BinaryIO, header: SealedHeader, identities: Sequence[object], sink: Callable[[bytes], object]
) -> RaftManifest:
    """Open the sealed part, give the packed archive to ``sink``, and return the manifest once all of it is right.

    Raises:
        WrongKeyError: no identity opens it.
        DamagedError: it is not what was signed: what ``sink`` got must not be used.
        SchemaError: it is of a newer schema.
    """
    splitter = _Splitter(sink)
    try:
        pyrage.decrypt_io(sealed, splitter, list(identities))
    except pyrage.DecryptError as error:
        raise unopened(error, header.recipients) from error
    except (OSError, zlib.error) as error:
        raise DamagedError(f"the archive cannot be unpacked: {error}") from error
    manifest = splitter.manifest(header.signer)
    announced = (header.id, header.cluster, header.created)
    if (manifest.id, manifest.cluster, manifest.created) != announced:
        raise DamagedError("the archive's header and its content are of two different backups")
    return manifest


@contextmanager
def parts(read: Callable[[Callable[[bytes], object]], RaftManifest]) -> Iterator[Iterator[bytes]]:
    """Give what ``read`` gives to a sink as parts to iterate over; ``read`` runs in another thread meanwhile.

    What it raises is raised after the last part.
    """
    reading, writing = os.pipe()

    def decrypt() -> None:
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            read(lambda data: _write_all(pipe, data))

    with ThreadPoolExecutor(1) as pool, os.fdopen(reading, "rb", buffering=0) as plain:
        ended = pool.submit(decrypt)

        def given() -> Generator[bytes, None, None]:
            while part := plain.read(CHUNK):
                yield part
            ended.result()

        try:
            with closing(given()) as found:
                yield found
        finally:
            plain.close()  # ends the thread where not all was read
            with suppress(OSError, SwarmnetError):
                ended.result()


class _Splitter:
    """Takes the opened stream apart: the packed archive, and what comes after it."""

    def __init__(self, sink: Callable[[bytes], object]) -> None:
        self._sink = sink
        self._archive = zlib.decompressobj(_GZIP)
        self._packed = hashlib.sha256()
        self._size = 0
        self._rest = bytearray()

    def write(self, data: bytes) -> int:
        """Take more of it."""
        if self._archive.eof:
            self._rest += data
        else:
            self._take(data)
        if len(self._rest) > _LARGEST_MANIFEST:
            raise DamagedError("what comes after the archive is larger than any description of one")
        return len(data)

    def flush(self) -> None:
        """Do nothing: nothing is kept back."""

    def _take(self, data: bytes) -> None:
        left = data
        while left and not self._archive.eof:  # unpacked only to find its end, and to see that it is whole
            self._archive.decompress(left, _UNPACKED_AT_ONCE)
            left = self._archive.unconsumed_tail
        own = data[: len(data) - len(self._archive.unused_data)]
        self._rest += self._archive.unused_data
        self._size += len(own)
        self._packed.update(own)
        self._sink(own)

    def manifest(self, signer: str) -> RaftManifest:
        """Return the manifest, if the signer made it, of the archive that was seen."""
        if not self._archive.eof:
            raise DamagedError("the archive is cut")
        unpacker = zlib.decompressobj(_GZIP)
        plain = unpacker.decompress(bytes(self._rest), _LARGEST_MANIFEST)
        if not unpacker.eof or unpacker.unused_data:
            raise DamagedError("the description of the archive is cut, or something was added to it")
        line, _, text = plain.partition(b"\n")
        try:
            key = sshsig.signer_of(line, MANIFEST_NAMESPACE, text)
        except (ValueError, InvalidSignature) as error:
            raise DamagedError("the description of the archive does not match its signature") from error
        if fingerprint(key) != signer:
            raise DamagedError("the archive was sealed by someone else than who signed the file")
        manifest = load_manifest(text)
        if (manifest.archive_bytes, manifest.archive_sha256) != (self._size, self._packed.hexdigest()):
            raise DamagedError("the archive is not the one that its description was signed for")
        return manifest


def _write_all(pipe: BinaryIO, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[pipe.write(left) :]


def _unwritten(error: OSError) -> SwarmnetError:
    return SwarmnetError(
        f"cannot write the backup: {error.strerror or error}", hint="free some space, or use --repository"
    )
