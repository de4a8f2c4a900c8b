"""Signatures in OpenSSH's format SSHSIG, which ``ssh-keygen -Y verify`` reads: Ed25519 with SHA-512.

The format is described in OpenSSH's ``PROTOCOL.sshsig``. A signature has one form only: what decodes to the same values
from other bytes is refused, so that no byte of a signed file can be changed unseen.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_MAGIC = b"SSHSIG"
_VERSION = (1).to_bytes(4, "big")
_KIND = b"ssh-ed25519"
_HASH = b"sha512"
_KEY = 32
_SIGNATURE = 64
_BEGIN, _END = b"-----BEGIN SSH SIGNATURE-----", b"-----END SSH SIGNATURE-----"
_COLUMNS = 70
"""Characters of a line, as ssh-keygen writes it."""


def sign(key: Ed25519PrivateKey, namespace: bytes, message: bytes) -> bytes:
    """Return a signature as one line of base64: what is between the lines BEGIN and END of an armored one."""
    raw = key.sign(_signed(namespace, message))
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(_blob(public, namespace, raw))


def signer_of(signature: bytes, namespace: bytes, message: bytes) -> Ed25519PublicKey:
    """Return the public key that signed the message for this purpose.

    Raises:
        ValueError: it is not such a signature, or not of this message.
    """
    try:
        blob = base64.b64decode(signature, validate=True)
    except binascii.Error as error:
        raise ValueError("the signature is not base64") from error
    start = len(_MAGIC + _VERSION) + 4 + len(_string(_KIND)) + 4
    public, raw = blob[start : start + _KEY], blob[-_SIGNATURE:]
    if base64.b64encode(_blob(public, namespace, raw)) != signature:
        raise ValueError("the signature is not an Ed25519 signature in OpenSSH's format for this purpose")
    key = Ed25519PublicKey.from_public_bytes(public)
    try:
        key.verify(raw, _signed(namespace, message))
    except InvalidSignature as error:
        raise ValueError("the signature is of another text") from error
    return key


def armored(signature: bytes) -> bytes:
    """Return a signature as the file that ``ssh-keygen -Y verify -s`` reads."""
    lines = [signature[start : start + _COLUMNS] for start in range(0, len(signature), _COLUMNS)]
    return b"\n".join((_BEGIN, *lines, _END, b""))


def unarmored(text: bytes) -> bytes:
    """Return the signature of such a file.

    Raises:
        ValueError: it is none.
    """
    lines = text.split()
    begin, end = _BEGIN.split(), _END.split()
    if lines[: len(begin)] != begin or lines[-len(end) :] != end:
        raise ValueError("it is not an armored signature of OpenSSH")
    return b"".join(lines[len(begin) : -len(end)])


def _blob(public: bytes, namespace: bytes, raw: bytes) -> bytes:
    key, signature = _string(_KIND) + _string(public), _string(_KIND) + _string(raw)
    return _MAGIC + _VERSION + b"".join(map(_string, (key, namespace, b"", _HASH, signature)))


def _signed(namespace: bytes, message: bytes) -> bytes:
    return _MAGIC + b"".join(map(_string, (namespace, b"", _HASH, hashlib.sha512(message).digest())))


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data
