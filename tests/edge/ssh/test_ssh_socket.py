"""The engine's socket over SSH, for every kind of user, against real engines."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from swarmnet.cli.wiring import start_inside
from swarmnet.edge.session import Questions, Session
from swarmnet.edge.ssh.socket import DOCKER_SOCKET, CommandStream
from swarmnet.errors import CommandError, EngineError, HostTimeoutError
from swarmnet.model.base import Secret
from swarmnet.model.hosts import SudoPolicy
from swarmnet.parse.inventory import parse_inventory
from tests.simulator import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from swarmnet.edge.ssh.socket import Stream
    from swarmnet.lab import Lab
    from swarmnet.model.ports import EnginePort
    from tests.support.ssh_sessions import Fleet

pytestmark = pytest.mark.lab

PING = b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n"
ASK = "m1"
RIGHT, WRONG = "let me in", "let me out"


class Reach:
    """Sessions into a lab as different users."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.sessions: list[Session] = []
        self.openers: dict[str, Callable[[], Stream]] = {}

    def session(
        self, user: str, *, sudo: SudoPolicy = SudoPolicy.AUTO, port: int = 22, password: str | None = None
    ) -> Session:
        path = self.lab.inventory
        inventory = parse_inventory(path.read_bytes(), name=str(path), folder=path.parent).inventory
        settings = {"user": user, "sudo": sudo, "port": port}
        if port != 22:
            settings["host_keys"] = "accept-new"
        hosts = [host.model_copy(update={"ssh": host.ssh.model_copy(update=settings)}) for host in inventory.hosts]
        inventory = inventory.model_copy(update={"hosts": tuple(hosts)})
        world = World(inventory=inventory)

        def engine(host: str, opened: Callable[[], Stream]) -> EnginePort:
            self.openers[host] = opened
            return world.engine(host)

        secret = None if password is None else Secret(password)
        session = Session(inventory, engine, start_inside, questions=Questions(sudo_password=secret))
        self.sessions.append(session)
        return session

    def stream(self, user: str, *, sudo: SudoPolicy = SudoPolicy.AUTO, port: int = 22) -> Stream:
        self.session(user, sudo=sudo, port=port).engine(ASK)
        return self.openers[ASK]()


@pytest.fixture
def reach(healed_lab: Lab) -> Iterator[Reach]:
    reach = Reach(healed_lab)
    yield reach
    for session in reach.sessions:
        session.close()


def answer(stream: Stream) -> bytes:
    stream.settimeout(60)
    stream.sendall(PING)
    return stream.recv(100).split(b"\r\n")[0]


@pytest.mark.parametrize(
    ("user", "sudo", "by_command"),
    [
        ("root", SudoPolicy.AUTO, False),
        ("dockeruser", SudoPolicy.AUTO, False),
        ("dockeruser", SudoPolicy.NEVER, False),
        ("operator", SudoPolicy.AUTO, True),
        ("operator", SudoPolicy.ALWAYS, True),
    ],
)
def test_the_engine_answers_each_user_by_the_shortest_way(
    reach: Reach, user: str, sudo: SudoPolicy, *, by_command: bool
) -> None:
    stream = reach.stream(user, sudo=sudo)
    assert isinstance(stream, CommandStream) is by_command
    assert answer(stream) == b"HTTP/1.1 200 OK"
    assert answer(reach.openers[ASK]()) == b"HTTP/1.1 200 OK"


def test_a_user_without_rights_and_without_sudo_learns_what_to_do(reach: Reach) -> None:
    with pytest.raises(EngineError, match="user operator may not open /var/run/docker") as caught:
        reach.stream("operator", sudo=SudoPolicy.NEVER)
    assert "usermod -aG docker operator" in str(caught.value.hint)


def test_sudo_that_wants_a_password_is_reported(reach: Reach) -> None:
    with pytest.raises(EngineError, match="sudo wants a password"):
        reach.stream("dockeruser", sudo=SudoPolicy.ALWAYS)
    with pytest.raises(CommandError, match="sudo wants a password"):
        reach.session("dockeruser").shell(ASK).run(["id"], sudo=True)


def test_sudo_runs_a_command_as_root_and_ends_it_when_its_time_is_up(reach: Reach) -> None:
    shell = reach.session("operator").shell(ASK)
    assert shell.run(["id", "-un"], sudo=True).stdout == b"root\n"
    with pytest.raises(HostTimeoutError, match="it was ended on the host"):
        shell.run(["sh", "-c", "sleep 61.5; true"], sudo=True, timeout=0.5)
    assert b"61.5" not in shell.run(["ps", "ax"]).stdout


@pytest.fixture
def guarded(reach: Reach) -> Iterator[Reach]:
    """The lab, where sudo wants operator's password; it is "let me in"."""
    setup = "echo 'operator:let me in' | chpasswd && echo 'operator ALL=(ALL) PASSWD: ALL' > /etc/sudoers.d/zz-asked"
    reach.lab.exec(ASK, ["sh", "-c", setup])
    yield reach
    reach.lab.exec(ASK, ["rm", "/etc/sudoers.d/zz-asked"])


def test_a_password_goes_to_sudo_alone_and_lets_commands_and_the_engine_in(guarded: Reach) -> None:
    """C10."""
    session = guarded.session("operator", password=RIGHT)
    shell = session.shell(ASK)
    done = shell.run(["sh", "-c", "id -un; cat; env"], stdin=b"my own input\n", sudo=True)
    assert done.stdout.startswith(b"root\nmy own input\n")
    assert b"let me in" not in done.stdout + done.stderr
    session.engine(ASK)
    assert answer(guarded.openers[ASK]()) == b"HTTP/1.1 200 OK"
    with pytest.raises(HostTimeoutError, match="it was ended on the host"):
        shell.run(["sh", "-c", "sleep 62.5; true"], sudo=True, timeout=0.5)
    seen = shell.run(["ps", "axww"]).stdout
    assert b"62.5" not in seen
    assert b"let me in" not in seen


def test_a_password_that_sudo_does_not_want_is_not_given_to_the_command(reach: Reach) -> None:
    """C10: the user has NOPASSWD."""
    session = reach.session("operator", password=RIGHT)
    assert session.shell(ASK).run(["cat"], stdin=b"input", sudo=True).stdout == b"input"
    session.engine(ASK)
    assert answer(reach.openers[ASK]()) == b"HTTP/1.1 200 OK"


def test_a_wrong_password_is_said_once_and_tried_once(guarded: Reach) -> None:
    """C10."""
    session = guarded.session("operator", password=WRONG)
    attempts = ["sh", "-c", "journalctl 2>/dev/null; cat /var/log/auth.log 2>/dev/null; true"]
    for _ in range(3):
        with pytest.raises(CommandError, match="sudo does not take the password") as caught:
            session.shell(ASK).run(["id"], sudo=True)
        assert "let me out" not in f"{caught.value.message} {caught.value.hint}"
    start = time.monotonic()
    session.engine(ASK)
    for _ in range(100):
        with pytest.raises(CommandError, match="sudo does not take the password"):
            guarded.openers[ASK]()
    assert time.monotonic() - start < 100 * 2.0  # PAM waits two seconds after a wrong password: it was not asked again
    assert guarded.lab.exec(ASK, attempts).stdout.count("let me out") == 0


def test_where_sshd_forbids_forwarding_the_engine_is_reached_by_a_command(reach: Reach) -> None:
    reach.lab.exec(
        ASK, ["/usr/sbin/sshd", "-p", "2200", "-o", "AllowStreamLocalForwarding=no", "-o", "PidFile=/run/second.pid"]
    )
    try:
        stream = reach.stream("root", port=2200)
        assert isinstance(stream, CommandStream)
        assert answer(stream) == b"HTTP/1.1 200 OK"
    finally:
        reach.lab.exec(ASK, ["sh", "-c", "kill $(cat /run/second.pid)"])


def test_an_engine_that_is_stopped_is_said_to_be(reach: Reach) -> None:
    stream = reach.stream("root")
    assert answer(stream) == b"HTTP/1.1 200 OK"
    reach.lab.exec(ASK, ["mv", "/var/run/docker.sock", "/var/run/moved.sock"])
    try:
        with pytest.raises(EngineError, match="there is no engine socket"):
            reach.openers[ASK]()
    finally:
        reach.lab.exec(ASK, ["mv", "/var/run/moved.sock", "/var/run/docker.sock"])
    assert answer(reach.openers[ASK]()) == b"HTTP/1.1 200 OK"


class Pipe:
    """A host on loopback whose engine is reached by a command, which a script plays."""

    def __init__(self, fleet: Fleet, script: str, *options: str) -> None:
        self._path = fleet.folder / "docker"
        self._path.write_text(f"#!/bin/sh\n{script}\n")
        self._path.chmod(0o755)
        path = f"SetEnv PATH={fleet.folder}:/usr/sbin:/usr/bin:/sbin:/bin"
        fleet.host("h", options=("AllowStreamLocalForwarding no", path, *options), connect_timeout=2)
        self.session = fleet.session()
        self._fleet = fleet

    def open(self) -> Stream:
        self.session.engine("h")
        return self._fleet.streams["h"]()


def chatty(fleet: Fleet, line: str) -> str:
    """Return the option with which a login prints before its command begins, as a .bashrc with an echo does."""
    script = fleet.folder / "chatty"
    script.write_text(f'#!/bin/sh\n{line}\neval "$SSH_ORIGINAL_COMMAND"\n')
    script.chmod(0o755)
    return f"ForceCommand {script}"


ENGINE = 'read line; printf "HTTP/1.1 200 OK\\r\\n\\r\\n"; cat'


@pytest.mark.usefixtures("engine_socket")
@pytest.mark.parametrize(
    "line", ["true", "echo Welcome; echo; echo HTTP/1.1 404 no", "printf none", "head -c 200000 /dev/zero", "sleep 1"]
)
def test_c8_what_a_login_prints_before_the_command_is_not_taken_for_the_engine(fleet: Fleet, line: str) -> None:
    stream = Pipe(fleet, ENGINE, chatty(fleet, line)).open()
    assert isinstance(stream, CommandStream)
    stream.settimeout(60)
    stream.sendall(PING)
    assert stream.recv(8) == b"HTTP/1.1"
    assert stream.recv(4) == b" 200"


@pytest.mark.usefixtures("engine_socket")
def test_c8_what_a_docker_command_prints_instead_of_the_engine_is_shown(fleet: Fleet) -> None:
    with pytest.raises(
        EngineError, match="is not a Docker engine but says 'Emulate Docker CLI using podman'"
    ) as caught:
        Pipe(fleet, "echo Emulate Docker CLI using podman").open()
    assert "bashrc" in str(caught.value.hint)


@pytest.fixture
def engine_socket() -> Iterator[None]:
    """Serve where the engine's socket is; on a machine with an engine of its own that one serves."""
    path = Path(DOCKER_SOCKET)
    if path.exists():
        yield
        return
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        try:
            yield
        finally:
            path.unlink()
