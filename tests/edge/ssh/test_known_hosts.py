from __future__ import annotations

import base64
import hmac
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import paramiko
import pytest

from swarmnet.edge.ssh.known_hosts import KnownHosts, Trust, fingerprint, known_name, read_known_hosts
from swarmnet.errors import HostKeyError, UsageError
from swarmnet.model.hosts import HostKeyPolicy
from tests.support.sshd import make_key

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def key(tmp_path: Path) -> paramiko.PKey:
    return paramiko.PKey.from_path(make_key(tmp_path / "host_key"))


@pytest.fixture
def other(tmp_path: Path) -> paramiko.PKey:
    return paramiko.PKey.from_path(make_key(tmp_path / "other_key"))


def line(names: str, key: paramiko.PKey) -> str:
    return f"{names} {key.get_name()} {key.get_base64()} a comment\n"


def hashed(name: str) -> str:
    salt = b"s" * 20
    digest = hmac.new(salt, name.encode(), "sha1").digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def verify(file: Path, key: paramiko.PKey, *, policy: HostKeyPolicy = HostKeyPolicy.STRICT, name: str = "web") -> None:
    KnownHosts().verify("w1", key, Trust(name, None, (file,), policy=policy))


@pytest.mark.parametrize("names", ["web", "WEB", "db,web,10.0.0.1", "w?b", "*,!db", hashed("web")])
def test_a_known_key_passes_however_its_line_is_written(tmp_path: Path, key: paramiko.PKey, names: str) -> None:
    text = "# comment\n\nnonsense\nx y !!!\n" + line(names, key)
    (tmp_path / "kh").write_text(text)
    verify(tmp_path / "kh", key, policy=HostKeyPolicy.ACCEPT_NEW)
    assert (tmp_path / "kh").read_text() == text  # known already: nothing to remember


@pytest.mark.parametrize("names", ["webs", "*,!web", "[web]:2222", hashed("db"), "|1|broken"])
def test_a_line_of_another_host_does_not_vouch(tmp_path: Path, key: paramiko.PKey, names: str) -> None:
    (tmp_path / "kh").write_text(line(names, key))
    with pytest.raises(HostKeyError, match="host key unknown"):
        verify(tmp_path / "kh", key)


@pytest.mark.parametrize("policy", HostKeyPolicy)
def test_a_changed_key_is_refused_under_every_policy_with_file_and_line(
    tmp_path: Path, key: paramiko.PKey, other: paramiko.PKey, policy: HostKeyPolicy
) -> None:
    (tmp_path / "kh").write_text("# first\n" + line(hashed("web"), other))
    with pytest.raises(HostKeyError) as caught:
        verify(tmp_path / "kh", key, policy=policy)
    assert f"{tmp_path}/kh:2" in caught.value.message
    assert fingerprint(key) in caught.value.message
    assert read_known_hosts(tmp_path / "kh")[0].blob == other.asbytes()


def test_a_revoked_key_is_refused_even_where_another_line_vouches(tmp_path: Path, key: paramiko.PKey) -> None:
    (tmp_path / "kh").write_text(line("web", key) + "@revoked " + line("*", key))
    with pytest.raises(HostKeyError, match="revoked"):
        verify(tmp_path / "kh", key)


def test_strict_refuses_an_unknown_key_and_writes_nothing(tmp_path: Path, key: paramiko.PKey) -> None:
    with pytest.raises(HostKeyError, match="host key unknown") as caught:
        verify(tmp_path / "kh", key)
    assert "swarmnet trust" in str(caught.value.hint)
    assert not (tmp_path / "kh").exists()


def test_accept_new_remembers_the_key_and_keeps_what_was_there(
    tmp_path: Path, key: paramiko.PKey, other: paramiko.PKey
) -> None:
    (tmp_path / "kh").write_text(line("db", other).rstrip("\n"))
    (tmp_path / "kh").chmod(0o644)
    verify(tmp_path / "kh", key, policy=HostKeyPolicy.ACCEPT_NEW)
    assert [known.patterns for known in read_known_hosts(tmp_path / "kh")] == ["db", "web"]
    assert (tmp_path / "kh").stat().st_mode & 0o777 == 0o644
    verify(tmp_path / "kh", key)


@pytest.mark.parametrize("answer", [True, False])
def test_ask_shows_the_fingerprint_and_follows_the_answer(tmp_path: Path, key: paramiko.PKey, *, answer: bool) -> None:
    asked: list[str] = []

    def ask(question: str) -> bool:
        asked.append(question)
        return answer

    hosts = KnownHosts(ask)
    try:
        hosts.verify("w1", key, Trust("web", None, (tmp_path / "kh",), policy=HostKeyPolicy.ASK))
        trusted = True
    except HostKeyError:
        trusted = False
    assert trusted is answer is (tmp_path / "kh").exists()
    assert fingerprint(key) in asked[0]


def test_ask_without_a_terminal_is_strict(tmp_path: Path, key: paramiko.PKey) -> None:
    with pytest.raises(HostKeyError, match="host key unknown"):
        verify(tmp_path / "kh", key, policy=HostKeyPolicy.ASK)


def test_many_hosts_remembered_at_once_are_all_kept(tmp_path: Path, key: paramiko.PKey) -> None:
    hosts = [KnownHosts(), KnownHosts()]

    def remember(number: int) -> None:
        name, policy = f"h{number}", HostKeyPolicy.ACCEPT_NEW
        hosts[number % 2].verify(name, key, Trust(name, None, (tmp_path / "kh",), policy=policy))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(remember, range(20)))
    assert len(read_known_hosts(tmp_path / "kh")) == 20


def test_ports_other_than_22_are_written_with_brackets() -> None:
    assert (known_name("Web", 22), known_name("fd00::1", 2222)) == ("web", "[fd00::1]:2222")


def test_a_new_key_that_cannot_be_kept_is_refused_and_names_the_file(tmp_path: Path, key: paramiko.PKey) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    with pytest.raises(HostKeyError, match=r"cannot be kept in .*/kh: ") as caught:
        verify(in_the_way / "kh", key, policy=HostKeyPolicy.ACCEPT_NEW)
    assert "ssh.known_hosts" in (caught.value.hint or "")


def test_a_file_that_cannot_be_read_is_not_taken_for_an_empty_one(tmp_path: Path, key: paramiko.PKey) -> None:
    with pytest.raises(UsageError, match=f"cannot read {tmp_path}: Is a directory"):
        verify(tmp_path, key, policy=HostKeyPolicy.ACCEPT_NEW)


@pytest.mark.parametrize(("mode", "words"), [(0o644, None), (0o664, None), (0o646, "can be changed by others")])
def test_a_file_that_everyone_may_write_is_not_believed(
    tmp_path: Path, key: paramiko.PKey, mode: int, words: str | None
) -> None:
    """M11."""
    (tmp_path / "kh").write_text(line("web", key))
    (tmp_path / "kh").chmod(mode)
    if words is None:
        verify(tmp_path / "kh", key)
    else:
        with pytest.raises(UsageError, match=words):
            verify(tmp_path / "kh", key)
