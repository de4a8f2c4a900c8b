"""Ways in, and each way of being kept out, against real sshds."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.operator.clock import SystemClock
from swarmnet.edge.session import SILENCE, Questions
from swarmnet.edge.ssh.dial import STARTS
from swarmnet.edge.ssh.errors import NameUnknownError
from swarmnet.errors import AuthenticationError, HostError, HostKeyError, UnreachableError
from swarmnet.model.base import Secret
from swarmnet.model.events import Event, Progress
from swarmnet.workflows.fleet.fanout import fan_out
from tests.support.ports import free_port
from tests.support.sshd import SSHD, make_key
from tests.support.waiting import await_from

if TYPE_CHECKING:
    from tests.support.ssh_sessions import Fleet

pytestmark = pytest.mark.lab


def refusal(fleet: Fleet, host: str = "h", *, questions: Questions | None = None) -> HostError:
    with pytest.raises(HostError) as caught:
        fleet.session(questions=questions).connect(host)
    assert caught.value.host == host
    return caught.value


def test_a_host_where_nothing_listens_is_refused(fleet: Fleet) -> None:
    fleet.add("h", free_port())
    error = refusal(fleet)
    assert isinstance(error, UnreachableError)
    assert "connection refused" in error.message


def test_a_host_that_does_not_answer_is_timed_out(fleet: Fleet, full_port: int) -> None:
    fleet.add("h", full_port, settings={"connect_timeout": 0.3})
    assert "no answer within 0.3 s" in refusal(fleet).message


def test_a_host_that_sends_no_banner_is_called_slow(fleet: Fleet, silent_port: int) -> None:
    fleet.add("h", silent_port, settings={"connect_timeout": 0.3})
    assert "sent no SSH banner within 0.3 s" in refusal(fleet).message


def test_a_host_that_is_silent_for_long_is_named_while_it_is_waited_for(fleet: Fleet, silent_port: int) -> None:
    """E12: a run says what it waits for."""
    fleet.add("h", silent_port, settings={"connect_timeout": SILENCE + 1})
    heard: list[Event] = []
    with pytest.raises(UnreachableError):
        fleet.session(listener=heard.append).connect("h")
    place = f"root@127.0.0.1:{silent_port}"
    assert heard == [Progress(f"h: no answer from {place} yet, waiting up to {SILENCE + 1:g} s")]


@pytest.mark.parametrize("port", ["full_port", "silent_port", "bannered_port"])
def test_a_host_that_does_not_answer_costs_one_time_out_however_many_attempts(
    fleet: Fleet, port: str, request: pytest.FixtureRequest
) -> None:
    fleet.add("h", request.getfixturevalue(port), settings={"connect_timeout": 0.3, "connect_attempts": 60})
    start = time.monotonic()
    assert "within 0.3 s" in refusal(fleet).message
    assert time.monotonic() - start < 60 * 0.3 / 2


def test_a_host_that_exchanges_no_keys_is_called_frozen(fleet: Fleet, bannered_port: int) -> None:
    fleet.add("h", bannered_port, settings={"connect_timeout": 0.5})
    assert "sent its SSH banner, but exchanged no keys within 0.5 s" in refusal(fleet).message


def test_a_login_that_is_not_answered_is_not_called_a_wrong_key_and_the_others_are_not_tried(
    fleet: Fleet, undecided_port: tuple[int, str]
) -> None:
    port, known = undecided_port
    fleet.known_hosts.write_text(known)
    fleet.add("h", port, settings={"connect_timeout": 1, "connect_attempts": 60})
    start = time.monotonic()
    error = refusal(fleet)
    assert isinstance(error, UnreachableError)
    assert "the login was not answered within 1 s" in error.message
    assert time.monotonic() - start < 60 * 1 / 2


def test_attempts_end_with_the_patience_of_the_run(fleet: Fleet) -> None:
    """E12: --timeout bounds all attempts of a host together."""
    fleet.add("h", free_port(), settings={"connect_attempts": 60})
    start = time.monotonic()
    with pytest.raises(UnreachableError, match="connection refused"):
        fleet.session(clock=SystemClock(1.0)).connect("h")
    assert time.monotonic() - start < 60 * 0.3


@pytest.mark.parametrize("port", ["full_port", "silent_port", "bannered_port"])
def test_an_error_says_the_seconds_that_the_operator_gave(
    fleet: Fleet, port: str, request: pytest.FixtureRequest
) -> None:
    fleet.add("h", request.getfixturevalue(port), settings={"connect_timeout": 1})
    with pytest.raises(UnreachableError, match="within 1 s") as refused:
        fleet.session(clock=SystemClock(1)).connect("h")
    assert refused.value.waited == 1


def test_silent_hosts_do_not_hold_the_turns_of_those_that_answer(fleet: Fleet, full_port: int) -> None:
    silent = [f"s{number}" for number in range(STARTS + 4)]
    for number, name in enumerate(silent):
        fleet.add(name, full_port, address=f"127.0.1.{number + 1}", settings={"connect_timeout": 5})
    fleet.host("h")
    session = fleet.session()
    threads = [threading.Thread(target=fan_out, args=([name], session.connect)) for name in silent]
    for thread in threads:
        thread.start()
    session.connect("h")
    assert all(thread.is_alive() for thread in threads)
    session.close()
    for thread in threads:
        thread.join()


def test_a_host_that_hangs_up_before_its_banner_is_distinguished_from_a_slow_one(fleet: Fleet) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            server.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        fleet.add("h", server.getsockname()[1])
        assert "closed the connection before its SSH banner" in refusal(fleet).message


def test_a_name_that_cannot_be_resolved_is_reported_and_tried_once(fleet: Fleet) -> None:
    fleet.add("h", 22, address="a..b", settings={"connect_attempts": 60})
    assert isinstance(refusal(fleet), NameUnknownError)


def test_a_host_that_comes_up_late_is_reached_by_a_further_attempt(fleet: Fleet) -> None:
    server = fleet.host("early")
    port = free_port()
    fleet.add("h", port, settings={"connect_attempts": 5})
    fleet.known_hosts.write_text(server.known.replace(str(server.port), str(port)))

    def relay() -> None:
        time.sleep(0.3)
        with (
            socket.create_server(("127.0.0.1", port)) as listener,
            listener.accept()[0] as near,
            socket.create_connection(("127.0.0.1", server.port)) as far,
        ):
            threading.Thread(target=_pump, args=(near, far), daemon=True).start()
            _pump(far, near)

    threading.Thread(target=relay, daemon=True).start()
    assert fleet.session().shell("h").run(["echo", "there"]).stdout == b"there\n"


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        return


def test_a_wrong_key_is_named_in_the_refusal(fleet: Fleet) -> None:
    wrong = make_key(fleet.folder / "wrong")
    fleet.host("h", key=str(wrong), agent=False)
    error = refusal(fleet)
    assert isinstance(error, AuthenticationError)
    assert f"no key accepted; tried: {wrong} (ssh-ed25519 SHA256:" in error.message


def test_having_no_key_at_all_is_said(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(fleet.folder))
    fleet.host("h", key=None, agent=False)
    assert "there is no key to log in with" in refusal(fleet).message


@pytest.mark.parametrize(("content", "words"), [(None, "no key file"), ("nonsense", "not a private key")])
def test_a_key_file_that_is_none_is_named(fleet: Fleet, content: str | None, words: str) -> None:
    path = fleet.folder / "odd"
    if content is not None:
        path.write_text(content)
        path.chmod(0o600)
    fleet.host("h", key=str(path))
    assert words in refusal(fleet).message


def test_an_unknown_host_key_is_refused_by_default(fleet: Fleet) -> None:
    fleet.host("h", known=False)
    assert isinstance(refusal(fleet), HostKeyError)
    assert fleet.known_hosts.read_text() == ""


def test_an_unknown_host_key_is_remembered_under_accept_new(fleet: Fleet) -> None:
    server = fleet.host("h", known=False, host_keys="accept-new")
    fleet.session().connect("h")
    assert fleet.known_hosts.read_text() == server.known


@pytest.mark.parametrize("answer", [True, False])
def test_an_unknown_host_key_is_asked_about_under_ask(fleet: Fleet, *, answer: bool) -> None:
    server = fleet.host("h", known=False, host_keys="ask")
    questions = Questions(confirm=lambda _: answer)
    if answer:
        fleet.session(questions=questions).connect("h")
    else:
        assert isinstance(refusal(fleet, questions=questions), HostKeyError)
    assert fleet.known_hosts.read_text() == (server.known if answer else "")


@pytest.mark.parametrize("policy", ["strict", "ask", "accept-new"])
def test_a_changed_host_key_is_refused_under_every_policy(fleet: Fleet, policy: str) -> None:
    server = fleet.host("h", known=False, host_keys=policy)
    other = make_key(fleet.folder / "other")
    kind, blob, *_ = other.with_suffix(".pub").read_text().split()
    fleet.known_hosts.write_text(f"[127.0.0.1]:{server.port} {kind} {blob}\n")
    error = refusal(fleet, questions=Questions(confirm=lambda _: True))
    assert isinstance(error, HostKeyError)
    assert "host key changed: it now presents ssh-ed25519 SHA256:" in error.message
    assert f"{fleet.known_hosts}:1" in error.message


def test_a_passphrase_is_asked_for_once_for_all_hosts(fleet: Fleet) -> None:
    fleet.key = make_key(fleet.folder / "locked", b"open sesame")
    for name in ("a", "b", "c"):
        fleet.host(name, agent=False)
    asked: list[str] = []

    def ask(question: str) -> Secret:
        asked.append(question)
        return Secret("wrong" if len(asked) == 1 else "open sesame")

    session = fleet.session(questions=Questions(passphrase=ask))
    assert fan_out(["a", "b", "c"], session.connect) == dict.fromkeys("abc")
    assert asked == [f"Passphrase of {fleet.key}: "] * 2


def test_a_passphrase_may_come_from_the_environment(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.key = make_key(fleet.folder / "locked", b"open sesame")
    fleet.host("h", agent=False)
    monkeypatch.setenv("SWARMNET_KEY_PASSPHRASE", "open sesame")
    assert fleet.session().shell("h").run(["echo", "there"]).stdout == b"there\n"


def test_a_locked_key_without_its_passphrase_is_refused_without_telling_it(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.key = make_key(fleet.folder / "locked", b"open sesame")
    fleet.host("h", agent=False)
    monkeypatch.setenv("SWARMNET_KEY_PASSPHRASE", "open barley")
    error = refusal(fleet)
    assert "locked by a passphrase" in error.message
    assert "barley" not in f"{error.message} {error.hint}"


def test_an_agent_logs_in_also_with_the_locked_key_that_it_holds(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    path = fleet.folder / "agent.sock"
    with subprocess.Popen(["/usr/bin/ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL) as agent:
        try:
            await_from(agent, path.exists)
            monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
            subprocess.run(["/usr/bin/ssh-add", "-q", str(fleet.key)], check=True)
            locked = make_key(fleet.folder / "locked", b"unknown")
            locked.with_suffix(".pub").write_bytes(fleet.key.with_suffix(".pub").read_bytes())
            fleet.host("by-agent", key=None)
            fleet.host("by-file", key=str(locked))
            session = fleet.session()
            said = {name: session.shell(name).run(["echo", "there"]).stdout for name in ("by-agent", "by-file")}
        finally:
            agent.terminate()
    assert said == {"by-agent": b"there\n", "by-file": b"there\n"}


def test_a_jump_host_of_the_inventory_is_connected_once_for_itself_and_all_behind_it(fleet: Fleet) -> None:
    gate = fleet.host("gate")
    for name in ("a", "b"):
        fleet.host(name, jump="gate")
    session = fleet.session()
    fan_out(["a", "b", "gate"], session.connect)
    assert session.shell("a").run(["echo", "there"]).stdout == b"there\n"
    assert gate.log.read_text().count("Accepted publickey") == 1


def test_a_jump_host_that_fails_is_named_with_its_reason(fleet: Fleet) -> None:
    fleet.add("gate", free_port())
    fleet.host("h", jump="gate")
    error = refusal(fleet)
    assert isinstance(error, UnreachableError)
    assert "its jump host failed: gate: connection refused" in error.message


@pytest.mark.parametrize(
    ("options", "words"), [((), "cannot connect to 127.0.0.1"), (("AllowTcpForwarding no",), "forbids forwarding")]
)
def test_a_jump_host_that_cannot_pass_on_says_why(fleet: Fleet, options: tuple[str, ...], words: str) -> None:
    fleet.host("gate", options=options)
    fleet.add("h", free_port(), settings={"jump": "gate"})
    assert f"jump host gate (root@127.0.0.1:{fleet.servers['gate'].port}) {words}" in refusal(fleet).message


def test_ssh_config_alone_leads_to_a_host_through_its_proxy_jump(fleet: Fleet) -> None:
    gate, inner = fleet.host("gate"), fleet.host("inner")
    config = fleet.folder / "config"
    config.write_text(
        f"Host *\n  User root\n  IdentityFile {fleet.key}\n  UserKnownHostsFile {fleet.known_hosts}\n"
        f"Host way\n  HostName 127.0.0.1\n  Port {gate.port}\n"
        f"Host there\n  HostName 127.0.0.1\n  Port {inner.port}\n  ProxyJump way\n"
    )
    nothing = dict.fromkeys(("user", "port", "key", "known_hosts"))
    fleet.add("h", 1, address="there", settings={"config": str(config), **nothing})
    fleet.session().connect("h")
    assert "Accepted publickey" in gate.log.read_text()


def test_a_proxy_command_is_the_way_when_ssh_config_names_one(fleet: Fleet) -> None:
    server = fleet.host("other")
    config = fleet.folder / "config"
    config.write_text(f"Host piped\n  ProxyCommand {SSHD} -i -f {server.folder / 'config'}\n")
    fleet.add("h", server.port, address="piped", settings={"config": str(config)})
    fleet.known_hosts.write_text(server.known.replace("127.0.0.1", "piped"))
    assert fleet.session().shell("h").run(["echo", "there"]).stdout == b"there\n"


def test_h10_the_other_end_of_a_direct_connection_is_known_whatever_the_host_says(fleet: Fleet) -> None:
    fleet.host("h")
    fleet.add("behind", fleet.servers["h"].port, settings={"jump": f"root@127.0.0.1:{fleet.servers['h'].port}"})
    session = fleet.session()
    assert session.approach("h").peer is None
    session.connect("h")
    assert session.approach("h").peer == "127.0.0.1"
    with suppress(HostError):
        session.connect("behind")
    assert session.approach("behind").peer is None


def test_a_jump_host_says_which_ports_it_can_open(fleet: Fleet) -> None:
    jump = fleet.host("jump")
    fleet.add("direct", jump.port)
    fleet.add("inside", jump.port, settings={"jump": f"root@127.0.0.1:{jump.port}"})
    forbidding = fleet.host("forbidding", options=("AllowTcpForwarding no",))
    fleet.add("beyond", jump.port, settings={"jump": f"root@127.0.0.1:{forbidding.port}"})
    session = fleet.session()
    assert session.opens("direct", jump.port) is None
    assert session.opens("inside", jump.port) is True
    assert session.opens("inside", free_port()) is False
    assert session.opens("beyond", jump.port) is None
