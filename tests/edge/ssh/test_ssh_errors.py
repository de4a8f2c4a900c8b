from __future__ import annotations

import errno
import os
import socket

import paramiko
import pytest

from swarmnet.edge.ssh import errors as ssh_errors
from swarmnet.edge.ssh.target import TargetFinder
from swarmnet.errors import AuthenticationError, Part, UnreachableError
from swarmnet.model.hosts import Host, Inventory, SSHSettings

HOST = Host(name="w1", address="web.test", ssh=SSHSettings(user="me", config="", connect_timeout=4))
TARGET = TargetFinder(Inventory(cluster="c", hosts=(HOST,))).target(HOST)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "the name 'web.test' does not resolve"),
        (OSError(errno.ECONNREFUSED, "x"), "connection refused"),
        (OSError(errno.EHOSTUNREACH, "x"), "no route to host"),
        (OSError(errno.ENETUNREACH, "x"), "network unreachable"),
        (OSError(errno.ECONNRESET, "x"), "connection reset before the login"),
        (OSError(errno.ETIMEDOUT, "x"), "no answer within 4 s"),
        (TimeoutError(), "no answer within 4 s"),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "cannot connect: Too many open files"),
        (paramiko.ssh_exception.IncompatiblePeer("no kex"), "no common algorithm: no kex"),
        (EOFError(), "the host closed the connection during the login"),
    ],
)
def test_each_failure_has_its_own_sentence_with_host_and_place(error: BaseException, words: str) -> None:
    reported = ssh_errors.unreachable(TARGET, error)
    assert isinstance(reported, UnreachableError)
    assert (reported.host, reported.message) == ("w1", f"me@web.test:22: {words}")


def test_too_many_wrong_keys_are_distinguished_from_wrong_ones() -> None:
    reported = ssh_errors.not_let_in(TARGET, ["agent key (ssh-rsa SHA256:x)"], cut_off=True)
    assert isinstance(reported, AuthenticationError)
    assert "hung up after too many wrong keys; tried: agent key (ssh-rsa SHA256:x)" in reported.message


@pytest.mark.parametrize(
    ("error", "waited", "likely"),
    [
        (TimeoutError(), 4, "the host is down or very busy, its address or port is wrong, or a firewall drops"),
        (OSError(errno.ECONNREFUSED, "x"), None, "sshd is down there or listens on another port"),
        (OSError(errno.EHOSTUNREACH, "x"), None, "the host is down, its address is wrong, or a firewall refuses"),
    ],
)
def test_a_failure_names_what_is_likely_and_how_long_an_answer_was_waited_for(
    error: BaseException, waited: float | None, likely: str
) -> None:
    reported = ssh_errors.unreachable(TARGET, error)
    assert (reported.part, reported.waited) == (Part.SSH, waited)
    assert likely in str(reported.hint)
