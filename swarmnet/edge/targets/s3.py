"""A prefix in a bucket of any S3-compatible store as a target.

An object appears whole or not at all: each is one PUT, with its checksum, or an upload in parts that ends as one
object. No object is ever overwritten or removed unless that is asked for, and there are no temporary ones: a bucket
that forbids both, or keeps versions, is enough.
Needs the rights s3:ListBucket, s3:GetObject and s3:PutObject, and s3:DeleteObject for prune alone.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotSupportedError
from obstore.store import S3Store

from swarmnet.edge.targets.aws_files import read_profile
from swarmnet.errors import BackupNotFoundError, TargetError, TargetUnreachableError, UsageError, cut
from swarmnet.model.targets import PART, Stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

    from obstore.store import ClientConfig, S3Config

    from swarmnet.edge.targets.aws_files import Profile
    from swarmnet.edge.targets.location import S3Location
    from swarmnet.model.sealed import Sink

REGION = "us-east-1"
"""Where nothing names one; stores other than Amazon's mostly do not care."""
IN_ONE_REQUEST = 16 * 1024 * 1024
"""Bytes that are uploaded whole; more go in parts, of which some are in memory."""
UPLOAD_PART = 8 * 1024 * 1024
"""Bytes of a part; stores take ten thousand of them."""
AT_ONCE = 3
"""Parts that are uploaded at the same time."""
RETRIES = 3
RETRY_LIMIT = timedelta(seconds=60)
_CODE = re.compile(r"<Code>([A-Za-z0-9]{1,64})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,300})</Message>")
_STATUS = re.compile(r"\bstatus: ([1-5][0-9]{2})\b")
_AGAIN = "then run the command again: what is copied already is left out"
_HOW = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; for another store than Amazon's, AWS_ENDPOINT_URL"
)
_RIGHTS = "the keys need s3:ListBucket, s3:GetObject and s3:PutObject there; prune needs s3:DeleteObject, too"
_FULL = ("QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "EntityTooLarge", "ServiceQuotaExceededException")
_HINTS = (
    (("RequestTimeTooSkewed", "RequestExpired"), f"set this machine's clock right, {_AGAIN}"),
    (("ExpiredToken", "TokenRefreshRequired", "InvalidToken"), f"get new credentials, {_AGAIN}"),
    (("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidClientTokenId"), f"correct the keys: {_HOW}"),
    (("AccessDenied", "AllAccessDisabled", "AccountProblem", "MethodNotAllowed"), _RIGHTS),
    (_FULL, f"free some space there, or raise the quota, {_AGAIN}"),
)
"""What to do about S3's own words for a refusal."""


class S3Target:
    """Backups below a prefix. Threads may share it."""

    def __init__(self, location: S3Location, environment: Mapping[str, str] | None = None) -> None:
        """Read the credentials; nothing is connected yet.

        Args:
            location: bucket and prefix.
            environment: where credentials, region and endpoint are named; the process's own unless given.

        Raises:
            UsageError: the profile that is named has no keys, or a setting is wrong.
        """
        self._location = location
        values = os.environ if environment is None else environment
        config = _config(values, read_profile(values))
        client: ClientConfig = {"connect_timeout": "10s", "timeout": "300s"}
        if config.get("endpoint", "").startswith("http://"):
            client["allow_http"] = True
        try:
            self._store = S3Store(
                location.bucket,
                prefix=location.prefix or None,
                config=config,
                client_options=client,
                retry_config={"max_retries": RETRIES, "retry_timeout": RETRY_LIMIT},
            )
        except (BaseError, ValueError) as error:
            said = cut(str(error).partition("\n")[0])
            raise UsageError(f"{self.place}: {said}", hint="correct AWS_ENDPOINT_URL or AWS_REGION") from error

    @property
    def place(self) -> str:
        """The URL."""
        return str(self._location)

    def files(self) -> tuple[Stored, ...]:
        """Return what could be a backup, by name; raises ``BackupNotFoundError`` when the bucket does not exist."""
        with self._refusals("list"):
            found = [one for chunk in obstore.list(self._store) for one in chunk]
        stored = (
            Stored(one["path"], one["size"], (one["e_tag"] or one["last_modified"].isoformat()).strip('"'))
            for one in found
            if one["path"].count("/") == 1
        )
        return tuple(sorted(stored, key=lambda one: one.name))

    def read(self, name: str, most: int) -> bytes:
        """Return the first ``most`` bytes of an object; raises ``FileNotFoundError`` when there is none."""
        with self._refusals("read"):
            result = obstore.get(self._store, name)
            # Not a range: some stores ignore it.
            data = bytearray()
            for chunk in result.stream(min_chunk_size=most):
                data += bytes(chunk)
                if len(data) >= most:
                    break
            return bytes(data[:most])

    def fetch(self, name: str, sink: Sink) -> None:
        """Give all of an object to ``sink``, part by part; raises ``FileNotFoundError`` when there is none."""
        with self._refusals("read"):
            for chunk in obstore.get(self._store, name).stream(min_chunk_size=PART):
                sink(bytes(chunk))

    def put(self, name: str, content: BinaryIO, *, replace: bool = False) -> None:
        """Upload in one request, a large file in parts; raises ``FileExistsError`` when the name is taken.

        Stores have no condition for an upload in parts: one that ends at the same time under the same name replaces it.
        What a killed run uploaded of it never becomes one, and stays hidden until the bucket's own rules remove it.
        """
        size = content.seek(0, os.SEEK_END)
        content.seek(0)
        with self._refusals("write"):
            if not replace and self._is_there(name):  # stores that do not know conditional writes would overwrite it
                raise FileExistsError(name)
            if size > IN_ONE_REQUEST:
                obstore.put(self._store, name, content, chunk_size=UPLOAD_PART, max_concurrency=AT_ONCE)
            else:
                self._put_small(name, content.read(), replace=replace)

    def _put_small(self, name: str, content: bytes, *, replace: bool) -> None:
        if not replace:
            try:
                obstore.put(self._store, name, content, use_multipart=False, mode="create")
            except AlreadyExistsError:
                raise FileExistsError(name) from None
            except NotSupportedError:
                pass
            else:
                return
        obstore.put(self._store, name, content, use_multipart=False)

    def remove(self, name: str) -> None:
        """Remove an object; nothing happens when it does not exist."""
        with self._refusals("remove from"):
            try:
                obstore.delete(self._store, name)
            except FileNotFoundError:
                return

    def _is_there(self, name: str) -> bool:
        try:
            obstore.head(self._store, name)
        except FileNotFoundError:
            return False
        return True

    @contextmanager
    def _refusals(self, verb: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            if _code(error) == "NoSuchBucket":
                raise self._no_bucket() from error
            raise FileNotFoundError(self.place) from None
        except BaseError as error:
            self._refused(verb, error)

    def _refused(self, verb: str, error: BaseError) -> NoReturn:
        text = str(error)
        code, status = _code(error), _STATUS.search(text)
        if code == "NoSuchBucket":
            raise self._no_bucket() from error
        if not code and status is None:
            raise TargetUnreachableError(
                f"{self.place} does not answer: {cut(text.partition(chr(10))[0])}",
                hint=f"is AWS_ENDPOINT_URL right, and is there a network? without keys: {_HOW}; {_AGAIN}",
            ) from error
        said = _MESSAGE.search(text)
        why = f"{code or 'HTTP status'} {status[1] if status else ''}".strip() + (f": {said[1]}" if said else "")
        raise TargetError(
            f"cannot {verb} {self.place}: {why}", hint=_hint(code, status[1] if status else "")
        ) from error

    def _no_bucket(self) -> BackupNotFoundError:
        return BackupNotFoundError(
            f"{self.place}: no such bucket", hint="make it first, or correct AWS_ENDPOINT_URL and AWS_REGION"
        )


def _config(environment: Mapping[str, str], profile: Profile) -> S3Config:
    """Return the settings: the environment goes before the profile, as for AWS's own tools."""
    config: S3Config = {
        "region": environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or profile.region or REGION,
        "disable_bulk_delete": True,  # which not every store knows, and which hides refusals
        "checksum_algorithm": "SHA256",  # which buckets with an object lock require
    }
    endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or profile.endpoint
    if endpoint:
        config["endpoint"] = endpoint
    if not environment.get("AWS_ACCESS_KEY_ID") and profile.key_id and profile.secret is not None:
        config["access_key_id"] = profile.key_id
        config["secret_access_key"] = profile.secret.reveal().decode()
        if profile.token is not None:
            config["session_token"] = profile.token.reveal().decode()
    return config


def _code(error: Exception) -> str:
    """Return the store's own word for a refusal, which is meant for programs; empty where there is none."""
    found = _CODE.search(str(error))
    return found[1] if found else ""


def _hint(code: str, status: str) -> str:
    found = next((hint for codes, hint in _HINTS if code in codes), None)
    if found is None and status in ("401", "403"):  # without a word, as where only a name is asked for
        return f"correct the keys or their rights: {_HOW}"
    return found or f"see the store's own log, {_AGAIN}"
