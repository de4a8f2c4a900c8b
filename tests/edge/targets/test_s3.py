"""What an S3 store answers, by its own words, from a real server or from one in between."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.targets.location import S3Location
from swarmnet.edge.targets.s3 import S3Target
from swarmnet.errors import BackupNotFoundError, TargetError, TargetUnreachableError, UsageError
from tests.support.backup_targets import fetched, put
from tests.support.between import Between, between
from tests.support.ports import free_port
from tests.support.s3_server import BUCKET, KEY, SECRET, S3Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.between import Rule

CANARY = "canary-of-a-secret-key"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("s3")).running() as running:
        yield running


def _target(environment: dict[str, str], bucket: str = BUCKET) -> S3Target:
    return S3Target(S3Location(bucket, "swarm"), environment)


def _with(server: S3Server, rule: Rule, patch: pytest.MonkeyPatch, stack: ExitStack) -> tuple[S3Target, Between]:
    middle = Between(rule)
    environment = server.environment(stack.enter_context(between(server.port, middle)))
    _in(environment, patch)
    return _target(environment), middle


def _in(environment: dict[str, str], patch: pytest.MonkeyPatch) -> None:
    """Set what obstore itself reads, too."""
    for name, value in environment.items():
        patch.setenv(name, value)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"AWS_SECRET_ACCESS_KEY": CANARY}, "SignatureDoesNotMatch"),
        ({"AWS_ACCESS_KEY_ID": "UNKNOWNKEYID0001"}, "InvalidAccessKeyId"),
    ],
)
def test_wrong_keys_are_named_without_the_secret(
    server: S3Server, change: dict[str, str], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {**server.environment(), **change}
    _in(environment, monkeypatch)
    target = _target(environment)
    for call in (target.files, lambda: put(target, "a/b", b"x"), lambda: fetched(target, "a/b")):
        with pytest.raises(TargetError) as found:
            call()
        said = f"{found.value.message} {found.value.hint}"
        assert CANARY not in said
        assert "AWS_ACCESS_KEY_ID" in said
        assert code in said or "HTTP status 403" in said  # where only a name is asked for, there is no word


def test_a_bucket_that_is_missing_is_named(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    _in(server.environment(), monkeypatch)
    target = _target(server.environment(), "none-such")
    for call in (target.files, lambda: put(target, "a/b", b"x")):
        with pytest.raises(BackupNotFoundError, match="no such bucket"):
            call()


def test_a_store_that_is_down_is_unreachable(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = server.environment(free_port())
    _in(environment, monkeypatch)
    with pytest.raises(TargetUnreachableError) as found:
        _target(environment).files()
    assert found.value.exit_code == 75


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (400, "ExpiredToken", "new credentials"),
        (403, "RequestTimeTooSkewed", "clock"),
        (403, "AccessDenied", "s3:PutObject"),
        (507, "XMinioStorageFull", "free some space"),
        (400, "SomethingNew", "log"),
    ],
)
def test_a_refusal_keeps_the_stores_word_and_says_what_to_do(
    server: S3Server, status: int, code: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        target, _ = _with(server, lambda *_: (status, code), monkeypatch, stack)
        with pytest.raises(TargetError) as found:
            target.files()
    assert code in found.value.message
    assert advice in (found.value.hint or "")


def test_a_bucket_that_forbids_to_delete_and_to_overwrite_is_enough(
    server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: set[str] = set()

    def locked(method: str, path: str) -> tuple[int, str] | None:
        if method in ("DELETE", "POST") or (method == "PUT" and path in written):
            return 403, "AccessDenied"
        if method == "PUT":
            written.add(path)
        return None

    with ExitStack() as stack:
        target, middle = _with(server, locked, monkeypatch, stack)
        put(target, "locked/a.swarmnet", b"one")
        with pytest.raises(FileExistsError):
            put(target, "locked/a.swarmnet", b"two")
        assert fetched(target, "locked/a.swarmnet") == b"one"
        with pytest.raises(TargetError, match="AccessDenied"):
            target.remove("locked/a.swarmnet")
    assert [method for method, _ in middle.asked if method in ("PUT", "POST")] == ["PUT"]


def test_a_read_only_store_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with S3Server(tmp_path, "--read-only").running() as server:
        _in(server.environment(), monkeypatch)
        with pytest.raises(TargetError, match="cannot write"):
            put(_target(server.environment()), "a/b", b"x")
    assert list(server.bucket.rglob("*.swarmnet")) == []


def test_keys_come_from_a_profile(server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text(f"[nas]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n")
    (folder / "config").write_text(f"[profile nas]\nendpoint_url = http://127.0.0.1:{server.port}\n")

    target = _target({"HOME": str(tmp_path), "AWS_PROFILE": "nas"})

    put(target, "profile/a.swarmnet", b"x")
    assert fetched(target, "profile/a.swarmnet") == b"x"


@pytest.mark.parametrize(
    ("credentials", "config", "advice"),
    [
        ("", "", "AWS_PROFILE"),
        ("", "[profile nas]\nsso_session = work\n", "export-credentials"),
        (f"no section {CANARY}", "", "aws configure"),
    ],
)
def test_a_profile_without_keys_is_refused_with_advice(
    tmp_path: Path, credentials: str, config: str, advice: str
) -> None:
    (tmp_path / "credentials").write_text(credentials)
    (tmp_path / "config").write_text(config)
    files = {
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
    }
    with pytest.raises(UsageError) as found:
        _target({"HOME": str(tmp_path), "AWS_PROFILE": "nas", **files})
    assert advice in (found.value.hint or "")
    assert CANARY not in found.value.message
