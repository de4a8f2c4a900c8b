"""Keys, agents, certificates and known_hosts, against real sshds, agents and ``ssh-keygen``."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import AuthenticationError, HostError, HostKeyError, UnknownHostKeyError
from tests.support.sshd import Sshd, make_key
from tests.support.waiting import await_from

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.ssh_sessions import Fleet

pytestmark = pytest.mark.lab

KEYGEN = "/usr/bin/ssh-keygen"
STRONG = "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512"


@contextmanager
def agent(path: Path, *keys: Path) -> Iterator[Path]:
    """A real ssh-agent that holds some keys."""
    with subprocess.Popen(["/usr/bin/ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL) as process:
        try:
            await_from(process, path.exists)
            for key in keys:
                subprocess.run(
                    ["/usr/bin/ssh-add", "-q", str(key)],
                    check=True,
                    env={"SSH_AUTH_SOCK": str(path), "PATH": "/usr/bin"},
                )
            yield path
        finally:
            process.terminate()


def configured(fleet: Fleet, text: str, *, options: tuple[str, ...] = (), host: str = "h") -> Sshd:
    """Start a host that is reached by an ssh_config alone."""
    server = fleet.host(host, known=False, options=options)
    fleet.hosts.pop()
    config = fleet.folder / f"config-{host}"
    config.write_text(f"Host {host}\n HostName 127.0.0.1\n Port {server.port}\n User root\n{text}")
    nothing = dict.fromkeys(("user", "port", "key", "known_hosts"))
    fleet.add(host, 1, address=host, settings={"config": str(config), **nothing})
    return server


def refusal(fleet: Fleet, host: str = "h") -> HostError:
    with pytest.raises(HostError) as caught:
        fleet.session().connect(host)
    return caught.value


def by_ssh(fleet: Fleet, host: str = "h") -> bool:
    """Return whether the real ssh gets in by the same file."""
    done = subprocess.run(
        ["/usr/bin/ssh", "-F", str(fleet.folder / f"config-{host}"), "-o", "BatchMode=yes", host, "true"],
        check=False, capture_output=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.returncode == 0


def sign(authority: Path, public: Path, *options: str) -> None:
    argv = [KEYGEN, "-q", "-s", str(authority), "-I", "test", *options, str(public)]
    subprocess.run(argv, check=True, capture_output=True)


@pytest.mark.parametrize("only", ["yes", "no"])
def test_identities_only_keeps_the_other_keys_of_the_agent_out(fleet: Fleet, only: str) -> None:
    """C6: sshd hangs up after MaxAuthTries wrong keys."""
    keys = [make_key(fleet.folder / f"agent-{number}") for number in range(8)]
    with agent(fleet.folder / "agent.sock", *keys) as path:
        server = configured(
            fleet,
            f" IdentityFile {fleet.key}\n IdentitiesOnly {only}\n IdentityAgent {path}\n"
            f" UserKnownHostsFile {fleet.known_hosts}\n",
        )
        fleet.known_hosts.write_text(server.known)
        assert by_ssh(fleet) is (only == "yes")
        if only == "yes":
            fleet.session().connect("h")
        else:
            assert "hung up after too many wrong keys" in refusal(fleet).message


def test_a_public_key_file_names_the_key_of_the_agent(fleet: Fleet) -> None:
    """C6."""
    keys = [make_key(fleet.folder / f"agent-{number}") for number in range(8)]
    with agent(fleet.folder / "agent.sock", *keys, fleet.key) as path:
        fleet.key.rename(fleet.folder / "elsewhere")
        server = configured(
            fleet,
            f" IdentityFile {fleet.key}.pub\n IdentityAgent {path}\n UserKnownHostsFile {fleet.known_hosts}\n",
        )
        fleet.known_hosts.write_text(server.known)
        assert by_ssh(fleet)
        fleet.session().connect("h")
    assert "is a public key, and no agent holds its private half" in refusal(fleet).message


def test_a_locked_key_without_its_public_file_is_found_in_the_agent(fleet: Fleet) -> None:
    with agent(fleet.folder / "agent.sock", *(make_key(fleet.folder / f"x{n}") for n in range(7)), fleet.key) as path:
        subprocess.run([KEYGEN, "-q", "-p", "-N", "locked", "-f", str(fleet.key)], check=True, capture_output=True)
        server = configured(
            fleet, f" IdentityFile {fleet.key}\n IdentityAgent {path}\n UserKnownHostsFile {fleet.known_hosts}\n"
        )
        fleet.key.with_suffix(".pub").unlink()
        fleet.known_hosts.write_text(server.known)
        assert by_ssh(fleet)
        fleet.session().connect("h")


def test_no_agent_is_asked_where_ssh_config_says_none(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    with agent(fleet.folder / "agent.sock", fleet.key) as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        server = configured(
            fleet, f" IdentityFile none\n IdentityAgent none\n UserKnownHostsFile {fleet.known_hosts}\n"
        )
        fleet.known_hosts.write_text(server.known)
        assert not by_ssh(fleet)
        assert "there is no key to log in with" in refusal(fleet).message


@pytest.mark.parametrize("by_agent", [True, False])
@pytest.mark.parametrize("where", ["CertificateFile", "next to the key"])
def test_a_user_certificate_logs_in(fleet: Fleet, where: str, *, by_agent: bool) -> None:
    """C9."""
    authority, key = make_key(fleet.folder / "ca"), make_key(fleet.folder / "signed")
    text = f" IdentityFile {key}\n UserKnownHostsFile {fleet.known_hosts}\n"
    with agent(fleet.folder / "agent.sock", key) as path:
        sign(authority, Path(f"{key}.pub"), "-n", "root")
        certificate = Path(f"{key}-cert.pub")
        if where == "CertificateFile":
            certificate = certificate.rename(fleet.folder / "other.pub")
            text += f" CertificateFile {certificate}\n"
        text += f" IdentityAgent {path if by_agent else 'none'}\n"
        server = configured(fleet, text, options=(f"TrustedUserCAKeys {authority}.pub",))
        fleet.known_hosts.write_text(server.known)
        assert by_ssh(fleet)
        fleet.session().connect("h")
        certificate.unlink()
        assert isinstance(refusal(fleet), AuthenticationError)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_private_key_that_others_can_read_is_refused(fleet: Fleet, mode: int) -> None:
    """M11."""
    fleet.host("h")
    fleet.key.chmod(mode)
    error = refusal(fleet)
    assert f"can be read by others (mode {mode:04o})" in error.message
    assert "chmod 600" in str(error.hint)


def certified(fleet: Fleet, *options: str, marked: str = "@cert-authority *", host: str = "h") -> Sshd:
    """A host whose key is signed, and whose authority alone is known."""
    authority = make_key(fleet.folder / "host-ca")
    server = Sshd(fleet.folder / "signed-host")
    sign(authority, Path(f"{server.host_key}.pub"), "-h", *options)
    config = server.folder / "config"
    config.write_text(config.read_text() + f"HostCertificate {server.host_key}-cert.pub\n")
    server.authorize(fleet.key)
    kind, blob, *_ = Path(f"{authority}.pub").read_text().split()
    fleet.known_hosts.write_text(f"{marked} {kind} {blob}\n")
    ssh_config = fleet.folder / f"config-{host}"
    ssh_config.write_text(
        f"Host {host}\n HostName 127.0.0.1\n Port {server.port}\n User root\n IdentityFile {fleet.key}\n"
        f" UserKnownHostsFile {fleet.known_hosts}\n StrictHostKeyChecking yes\n"
    )
    nothing = dict.fromkeys(("user", "port", "key", "known_hosts"))
    fleet.add(host, 1, address=host, settings={"config": str(ssh_config), **nothing})
    return server


@pytest.mark.parametrize(
    ("options", "marked", "words"),
    [
        (("-n", "127.0.0.1"), "@cert-authority *", None),
        (("-n", "x,127.0.0.1"), "@cert-authority [127.0.0.1]:*", None),
        (("-n", "127.0.0.*"), "@cert-authority *", "is for 127.0.0.*, not for 127.0.0.1"),
        (("-n", "127.0.0.1"), "@cert-authority 127.0.0.1", None),
        (("-n", "other"), "@cert-authority *", "is for other, not for 127.0.0.1"),
        (("-n", "127.0.0.1", "-V", "20200101:20200201"), "@cert-authority *", "expired"),
        (("-n", "127.0.0.1"), "@cert-authority other", "host key unknown"),
        (("-n", "127.0.0.1"), "*", "host key changed"),
        (("-n", "127.0.0.1"), "@revoked *", "host key unknown"),
    ],
)
def test_a_host_certificate_is_worth_what_ssh_says(
    fleet: Fleet, options: tuple[str, ...], marked: str, words: str | None
) -> None:
    """C9: @cert-authority."""
    with certified(fleet, *options, marked=marked).running():
        assert by_ssh(fleet) is (words is None)
        if words is None:
            fleet.session().connect("h")
        else:
            error = refusal(fleet)
            assert isinstance(error, HostKeyError)
            assert words in error.message


def test_a_host_behind_an_authority_may_be_known_by_its_own_key(fleet: Fleet) -> None:
    with certified(fleet, "-n", "127.0.0.1", marked="@cert-authority other").running() as server:
        with fleet.known_hosts.open("a") as file:
            file.write(server.known)
        assert by_ssh(fleet)
        fleet.session().connect("h")


@pytest.mark.parametrize(
    ("lines", "extra", "known"),
    [
        ("127.0.0.1 KEY\n", "", True),
        ("127.0.0.* KEY\n", "", True),
        ("* KEY\n", "", True),
        ("127.0.0.1 OTHER\n", "", False),
        ("[127.0.0.1]:1 KEY\n", "", False),
        ("127.0.0.1 KEY\n[127.0.0.1]:PORT OTHER\n", "", False),
        ("127.0.0.1 OTHER\n[127.0.0.1]:PORT KEY\n", "", True),
        ("alias KEY\n", " HostKeyAlias Alias\n", True),
        ("[alias]:PORT KEY\n", " HostKeyAlias alias\n", False),
        ("127.0.0.1 KEY\n", " HostKeyAlias alias\n", False),
        ("@revoked 127.0.0.1 KEY\n[127.0.0.1]:PORT KEY\n", "", True),
        ("@revoked * KEY\n[127.0.0.1]:PORT KEY\n", "", False),
        ("h KEY\n", "", False),
    ],
)
def test_lines_with_and_without_a_port_vouch_as_for_ssh(fleet: Fleet, lines: str, extra: str, *, known: bool) -> None:
    """C5."""
    text = f" IdentityFile {fleet.key}\n UserKnownHostsFile {fleet.known_hosts}\n StrictHostKeyChecking yes\n{extra}"
    server = configured(fleet, text)
    key = " ".join(Path(f"{server.host_key}.pub").read_text().split()[:2])
    other = " ".join(Path(f"{make_key(fleet.folder / 'other')}.pub").read_text().split()[:2])
    fleet.known_hosts.write_text(lines.replace("KEY", key).replace("OTHER", other).replace("PORT", str(server.port)))
    assert by_ssh(fleet) is known
    if known:
        fleet.session().connect("h")
    else:
        assert isinstance(refusal(fleet), HostKeyError)


@pytest.mark.parametrize(
    "extra", ["", " HostKeyAlias Alias\n", " HashKnownHosts yes\n", " HostKeyAlias A\n HashKnownHosts yes\n"]
)
def test_an_accepted_key_is_written_so_that_ssh_knows_it(fleet: Fleet, extra: str) -> None:
    """C5: and as ssh itself writes it."""
    ours, theirs = fleet.folder / "ours", fleet.folder / "theirs"
    text = f" IdentityFile {fleet.key}\n UserKnownHostsFile %s\n StrictHostKeyChecking %s\n{extra}"
    configured(fleet, text % (ours, "accept-new"))
    fleet.session().connect("h")
    config = fleet.folder / "config-h"
    written = config.read_text()
    config.write_text(written.replace(str(ours), str(theirs)))
    assert by_ssh(fleet)
    if "Hash" not in extra:
        assert ours.read_text() == theirs.read_text()
    config.write_text(written.replace("accept-new", "yes"))
    assert by_ssh(fleet)
    assert len(ours.read_text().splitlines()) == 1


@pytest.mark.parametrize(("file", "words"), [("/dev/null", None), ("none", "cannot be kept")])
def test_a_device_takes_accepted_keys_and_stays_a_device(fleet: Fleet, file: str, words: str | None) -> None:
    """C1."""
    configured(fleet, f" IdentityFile {fleet.key}\n UserKnownHostsFile {file}\n StrictHostKeyChecking no\n")
    assert by_ssh(fleet) is (words is None)
    if words is None:
        fleet.session().connect("h")
    else:
        assert words in refusal(fleet).message
    assert Path("/dev/null").is_char_device()


def test_an_unknown_key_names_the_next_command(fleet: Fleet) -> None:
    """C10."""
    fleet.host("h", known=False)
    error = refusal(fleet)
    assert isinstance(error, UnknownHostKeyError)
    assert "swarmnet trust -i" in str(error.hint)


@pytest.mark.parametrize(
    ("extra", "seen"),
    [
        ("", STRONG),
        (" MACs hmac-sha1,umac-64@openssh.com\n", "hmac-sha1"),
        (" MACs +hmac-sha1\n", f"{STRONG},hmac-sha1"),
        (" MACs -*etm*\n", "hmac-sha2-256,hmac-sha2-512"),
    ],
)  # fmt: skip
def test_weak_digests_are_offered_only_where_ssh_config_asks_for_them(fleet: Fleet, extra: str, seen: str) -> None:
    """L3: as sshd sees it."""
    text = f" IdentityFile {fleet.key}\n UserKnownHostsFile {fleet.known_hosts}\n{extra}"
    server = configured(fleet, text, options=("LogLevel DEBUG3",))
    fleet.known_hosts.write_text(server.known)
    fleet.session().connect("h")
    lines = [line for line in server.log.read_text().splitlines() if "MACs ctos" in line]
    assert any(line.removesuffix(" [preauth]").strip().endswith(f"MACs ctos: {seen}") for line in lines)
