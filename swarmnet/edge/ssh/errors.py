"""What went wrong with a connection, in the operator's words: each kind of failure has its own sentence."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

import paramiko

from swarmnet.edge.ssh.transport import NotExchangedError
from swarmnet.errors import AuthenticationError, HostError, HostTimeoutError, UnreachableError
from swarmnet.model.hosts import JUMP_HOST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.edge.ssh.target import Target

# Kinds of OSError that a connect meets, by errno.
_NETWORK = {
    errno.ECONNREFUSED: (
        "connection refused",
        "sshd is down there or listens on another port (ssh.port), or a firewall refuses",
    ),
    errno.EHOSTUNREACH: ("no route to host", "the host is down, its address is wrong, or a firewall refuses"),
    errno.ENETUNREACH: ("network unreachable", "this machine has no route to that network"),
    errno.ECONNRESET: ("connection reset before the login", "sshd may be refusing this client, or limit MaxStartups"),
    errno.EPIPE: ("connection reset before the login", "sshd may be refusing this client, or limit MaxStartups"),
    errno.EACCES: ("a local firewall forbids the connection", None),
    errno.EPERM: ("a local firewall forbids the connection", None),
}


class NameUnknownError(UnreachableError):
    """The address is a name that cannot be resolved; trying again at once does not help."""


class SilentError(UnreachableError):
    """No answer within the time-out; another attempt would cost the same again."""


def unreachable(target: Target, error: BaseException) -> HostError:
    """Return why no connection came to be."""
    words, hint = _reason(target, error)
    kind = UnreachableError
    if isinstance(error, socket.gaierror | UnicodeError):
        kind = NameUnknownError
    elif _is_silence(error):
        kind = SilentError
    found = kind(target.label, f"{target.place}: {words}", hint=hint, brief=words)
    found.waited = target.timeout if _may_be_busy(error) else None
    return found


def login_unanswered(target: Target) -> SilentError:
    """Return the error for a server that exchanged keys, and then did not say whether it takes one."""
    words = f"the login was not answered within {target.timeout:g} s"
    hint = "the host is overloaded or frozen; or an ssh-agent waits for you to allow a key"
    found = SilentError(target.label, f"{target.place}: {words}", hint=hint, brief=words)
    found.waited = target.timeout
    return found


def jump_failed(target: Target, error: HostError) -> HostError:
    """Return the failure of a host whose jump host failed: the same kind, with both names.

    A jump host of the inventory tells its failure itself, and whole.
    """
    of_the_inventory = target.via is not None and not target.via.label.startswith(JUMP_HOST)
    said = f"its jump host failed: {error.host}: {error.brief}" if of_the_inventory else f"its {error}"
    found = type(error)(
        target.label, said, hint=error.hint, brief=f"its jump host {error.host.removeprefix(JUMP_HOST)} failed"
    )
    found.waited = error.waited
    return found


def tunnel_refused(target: Target, via: Target, error: paramiko.ChannelException) -> HostError:
    """Return why the jump host did not connect further."""
    forbidden = error.code == paramiko.common.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
    reason = "forbids forwarding" if forbidden else f"cannot connect to {target.hostname}:{target.port}"
    hint = (
        "set AllowTcpForwarding yes in its sshd_config"
        if forbidden
        else "the host is down, or its address or port is wrong, seen from the jump host"
    )
    return UnreachableError(target.label, f"jump host {via.label} ({via.place}) {reason}", hint=hint)


def not_let_in(target: Target, tried: Sequence[str], *, cut_off: bool) -> HostError:
    """Return the error for a login where no key was accepted, with the names of those that were tried."""
    if not target.keys.allowed:
        return AuthenticationError(
            target.label,
            f"{target.place}: ssh_config forbids keys (PubkeyAuthentication no), and swarmnet logs in by keys alone",
            brief="ssh_config forbids keys",
        )
    if not tried:
        return AuthenticationError(
            target.label,
            f"{target.place}: there is no key to log in with",
            brief="there is no key to log in with",
            hint="set ssh.key in the inventory, or load a key into an ssh-agent",
        )
    if cut_off:
        return AuthenticationError(
            target.label,
            f"{target.place}: it hung up after too many wrong keys; tried: {'; '.join(tried)}",
            brief="too many wrong keys",
            hint="name the right one with ssh.key, and set IdentitiesOnly yes in ssh_config where an agent holds many",
        )
    return AuthenticationError(
        target.label,
        f"{target.place}: no key accepted; tried: {'; '.join(tried)}",
        brief="no key accepted",
        hint=f"put the public key into ~{target.user}/.ssh/authorized_keys on the host, or set ssh.user and ssh.key",
    )


def lost(host: str, error: BaseException | None) -> UnreachableError:
    """Return the error for an open connection that broke."""
    said = f": {error}" if error is not None and str(error) else ""
    return UnreachableError(host, f"the SSH connection broke{said}", hint="is the host still up?")


def run_ended(target: Target) -> UnreachableError:
    """Return the error for connections after the end of the run."""
    return UnreachableError(target.label, "the run has ended, its connections are closed")


def no_session(target: Target) -> UnreachableError:
    """Return the error for an sshd that accepts the login, but opens no session for a command."""
    return UnreachableError(
        target.label,
        f"{target.place}: sshd opened no session for a command within {target.timeout:g} s",
        hint="other commands may hold them all: raise MaxSessions in its sshd_config",
    )


def outlived(host: str, command: str, timeout: float, ended: str) -> HostTimeoutError:
    """Return the error for a command that ran longer than its limit."""
    return HostTimeoutError(host, f"{command} was still running after {timeout:g} s; {ended}")


def _reason(target: Target, error: BaseException) -> tuple[str, str | None]:
    if isinstance(error, socket.gaierror | UnicodeError):  # the latter: no name at all, such as a..b
        return f"the name {target.hostname!r} does not resolve", "correct the address, or the DNS"
    if _timed_out(error):
        hint = "the host is down or very busy, its address or port is wrong, or a firewall drops the packets"
        return f"no answer within {target.timeout:g} s", hint
    if isinstance(error, OSError) and error.errno in _NETWORK:
        return _NETWORK[error.errno]
    if isinstance(error, OSError):
        return f"cannot connect: {error.strerror or error}", None
    return _protocol(target, error)


def _timed_out(error: BaseException | None) -> bool:
    return isinstance(error, TimeoutError) or getattr(error, "errno", None) == errno.ETIMEDOUT


def _is_silence(error: BaseException) -> bool:
    """Return whether an answer was waited for; "no route" comes after three seconds of questions (ARP)."""
    return _may_be_busy(error) or (isinstance(error, OSError) and error.errno == errno.EHOSTUNREACH)


def _may_be_busy(error: BaseException) -> bool:
    """Return whether the host may only be slower than the limit."""
    return _timed_out(error) or isinstance(error, NotExchangedError) or _is_late_banner(error)


def _is_about_banner(error: BaseException) -> bool:
    return isinstance(error, paramiko.SSHException) and "protocol banner" in str(error)


def _is_late_banner(error: BaseException) -> bool:
    return _is_about_banner(error) and _timed_out(error.__context__)


def _protocol(target: Target, error: BaseException) -> tuple[str, str | None]:
    said = str(error)
    if isinstance(error, NotExchangedError):
        return (
            f"sent its SSH banner, but exchanged no keys within {target.timeout:g} s",
            "the host is overloaded or frozen, or large packets are lost on the way (its MTU)",
        )
    if _is_about_banner(error) and not _is_late_banner(error):
        return (
            "closed the connection before its SSH banner",
            "sshd is at MaxStartups or refuses this client, or another service listens on this port",
        )
    if _is_late_banner(error):
        return (
            f"accepted the connection, but sent no SSH banner within {target.timeout:g} s",
            "the host is overloaded, sshd is at MaxStartups, or another service listens on this port",
        )
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return f"no common algorithm: {said}", "the host's sshd is too old, or too strict"
    if isinstance(error, EOFError) or not said:
        return "the host closed the connection during the login", "see its sshd log; MaxStartups may be reached"
    return f"the login did not come through: {said}", None
