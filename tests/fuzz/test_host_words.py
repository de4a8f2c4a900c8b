"""Whatever one host says, the run goes on with the others: tables, shells, locks, probes, streams, passes (H4)."""

from __future__ import annotations

import io
import json
import os
import threading
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.edge.engine.engine import Engine
from swarmnet.edge.engine.multiplex import Frames
from swarmnet.edge.ssh.shell import Shell
from swarmnet.errors import HostTimeoutError, NothingReachableError, SwarmnetError, UnexpectedError
from swarmnet.model.backup import dump, load
from swarmnet.model.border import parsed
from swarmnet.model.events import HostFailed
from swarmnet.model.lock import LOCK_NAME, Operator
from swarmnet.model.swarm import ConfigSpec
from swarmnet.plan.recovery.describe import document
from swarmnet.report.terminal.lock import lock_lines
from swarmnet.verify.probes.gather import Batches, Containers
from swarmnet.verify.scenario import ProbeTask
from swarmnet.workflows.fleet.kernel_tables import COMMAND
from swarmnet.workflows.fleet.observe import Look, observe
from swarmnet.workflows.lock.holders import holders
from swarmnet.workflows.lock.stores import FilePlace, SwarmPlace
from tests.fuzz.test_engine_answers import ALL, Hostile
from tests.simulator import SimulatedPorts, World
from tests.support.hostile import FEW, body, check, odd, raw
from tests.support.reports import locks_json, status_json, status_text
from tests.workflows.fleet.test_kernel_tables import SOCKET, TABLES

if TYPE_CHECKING:
    import paramiko

    from swarmnet.model.base import JsonValue
    from swarmnet.model.events import Event
    from swarmnet.model.ports import DialoguePort
    from swarmnet.model.state import ClusterState
    from tests.simulator import SimulatedEngine

ME = Operator(user="me", machine="here", pid=os.getpid(), is_alive=lambda pid: pid == os.getpid(), token="")
CLAIM: JsonValue = {
    "cluster": "lab",
    "command": "apply",
    "user": "someone",
    "machine": "here",
    "pid": 7,
    "since": "2026-01-01T00:00:00Z",
    "token": "0123456789abcdef",
}


@st.composite
def spoiled(draw: st.DrawFn, text: bytes) -> bytes:
    """Draw a text in which some pieces are others."""
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        text = (
            text[:start] + draw(raw | st.sampled_from([b"999.1.1.1", b"0F0F0F0F", b"\t", b"|-- ", b"\n"])) + text[end:]
        )
    return text


def check_uses(state: ClusterState, world: World) -> None:
    """Print a state, and write it into a backup that is read again."""
    assert json.dumps(status_json(state, world.inventory), allow_nan=False).encode()
    assert status_text(state, world.inventory).encode()
    taken = document(state, cluster="lab", backup_id="0" * 32, created=world.clock.now(), tool="swarmnet 0")
    assert load(dump(taken)) == taken


class Strange(SimulatedPorts):
    """The ports of a run in which one host's engine says what is drawn."""

    def __init__(self, world: World, host: str, said: dict[str, bytes]) -> None:
        plain = world.ports()
        super().__init__(world, plain.inventory, plain.listener)
        self._strange = Engine(host, lambda: Hostile(said.__getitem__), world.clock)

    def engine(self, host: str) -> SimulatedEngine:
        self._reach(host)
        return cast("SimulatedEngine", self._strange) if host == self._strange.host else super().engine(host)


@FEW
@given(ALL)
def test_a_worker_that_says_anything_spoils_its_own_facts_alone(said: dict[str, bytes]) -> None:
    world = World(managers=1, workers=2)
    world.bootstrap()
    state = observe(Strange(world, "w1", said), Look(containers=True))
    assert {facts.host for facts in state.hosts} >= {"m1", "w2"}
    assert state.swarm is not None
    check_uses(state, world)


@FEW
@given(ALL)
def test_a_manager_that_says_anything_ends_no_pass(said: dict[str, bytes]) -> None:
    world = World(managers=3)
    world.bootstrap()
    state = observe(Strange(world, "m1", said), Look(containers=True))
    assert {facts.host for facts in state.hosts} >= {"m2", "m3"}
    check_uses(state, world)


@FEW
@given(spoiled(f"{TABLES}{SOCKET}\n".encode()))
def test_kernel_tables_that_are_none_are_their_hosts_failure(tables: bytes) -> None:
    world = World(managers=1, workers=1)
    world.bootstrap()
    world.machines["w1"].files |= dict.fromkeys(COMMAND[3:], tables)
    state = observe(world.ports())
    assert state.facts("m1") is not None
    assert (state.facts("w1") is None) == ([failure.host for failure in state.failures] == ["w1"])
    check_uses(state, world)


@FEW
@given(
    st.integers(-1, 300),
    raw,
    st.sampled_from([b"12 345:67\n", b"", b"nan 1\n", b"-1 1\n", b"1e999 1\n"]) | raw,
    body(CLAIM),
)
def test_a_lock_file_may_hold_anything(status: int, stderr: bytes, first: bytes, claim: bytes) -> None:
    world = World(managers=2)
    world.machines["m1"].programs["sh"] = lambda *_: (status, first + claim, stderr)
    ports = world.ports()
    state = observe(ports)
    check("m1", FilePlace(ports, "m1", "lab").holder)
    found = holders(ports, state)
    assert json.dumps(locks_json(found, ME), allow_nan=False)
    assert all(line.isprintable() for line in lock_lines(found, ME))


@FEW
@given(odd, body(CLAIM))
def test_a_lock_in_the_swarm_may_hold_anything(beat: JsonValue, claim: bytes) -> None:
    world = World(managers=1)
    world.bootstrap()
    labels = {"io.swarmnet.heartbeat": str(beat), "io.swarmnet.lock": claim.decode(errors="replace")}
    ports = world.ports()
    ports.manager().configs.create(ConfigSpec(name=LOCK_NAME, data=b"x", labels=labels))
    found = SwarmPlace(ports).holder()
    assert found is not None
    assert json.dumps(locks_json([found], ME), allow_nan=False)
    assert lock_lines([found], ME)


class Lines:
    """A probe that prints these lines, and then nothing more."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines

    def say(self, line: bytes) -> None:
        """Ignore what is said."""

    def hear(self, timeout: float) -> bytes:
        if not self._lines:
            raise HostTimeoutError("m1", f"nothing within {timeout} s")
        return self._lines.pop(0)

    def close(self) -> None:
        """Hold nothing."""


class Probed(SimulatedPorts):
    """Ports whose first manager has a probe that prints lines."""

    lines: list[bytes]

    def engine(self, host: str) -> SimulatedEngine:
        self._reach(host)
        return cast("SimulatedEngine", self)

    def dialogue(self, _container: str) -> DialoguePort:
        return Lines(self.lines)


@FEW
@given(st.lists(body({"number": 1, "answers": {"a": {"lost": 0}, "b": {}}}), max_size=3))
def test_a_probe_may_print_anything(lines: list[bytes]) -> None:
    world = World(managers=1)
    plain = world.ports()
    ports = Probed(world, plain.inventory, plain.listener)
    ports.lines = lines
    batches = Batches(ports, "run", Containers({"m1": "probe"}, {}, {}))
    questions = [ProbeTask(host="m1", key=key, task={"do": "nothing"}) for key in "ab"]
    answers = batches.ask(questions, 1)
    assert set(answers) == {("m1", "a"), ("m1", "b")}


class Faulty(SimulatedPorts):
    """Ports in which swarmnet itself is wrong about one host."""

    def engine(self, host: str) -> SimulatedEngine:
        raise KeyError(host)


def test_a_fault_of_our_own_is_one_hosts_answer_with_its_cause() -> None:
    heard: list[Event] = []
    world = World(managers=1)
    batches = Batches(Faulty(world, world.inventory, heard.append), "run", Containers({"m1": "probe"}, {}, {}))
    answers = batches.ask([ProbeTask(host="m1", key="a", task={})], 1)
    assert answers["m1", "a"].problem == "KeyError: it lacks 'm1'"
    (failed,) = heard
    assert isinstance(failed, HostFailed)
    assert isinstance(failed.error, UnexpectedError)
    assert isinstance(failed.error.__cause__, KeyError)


@given(st.lists(raw, max_size=6), st.integers(0, 50))
def test_a_stream_of_frames_is_held_within_its_limit(pieces: list[bytes], keep: int) -> None:
    frames = Frames(keep)
    for piece in pieces:
        try:
            frames.feed(piece)
        except ValueError:
            return
        assert max(len(frames.stdout), len(frames.stderr)) <= keep
        assert frames.lines == frames.stdout.count(b"\n")


@given(raw)
def test_json_that_a_host_said_can_be_written_anywhere(said: bytes) -> None:
    try:
        value = parsed(said)
    except ValueError:
        return
    assert json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


class Channel:
    """What of an SSH channel a shell needs, over bytes that are there from the start."""

    def __init__(self, stdout: bytes, stderr: bytes, status: int) -> None:
        self._out, self._err = io.BytesIO(stdout), io.BytesIO(stderr)
        self.exit_status = status
        self.closed = False
        self.eof_received = True
        self.status_event = threading.Event()
        self.status_event.set()
        self._pipe = os.pipe()

    def exec_command(self, command: bytes) -> None:
        mark = next(word for word in command.split() if len(word) == 16 and word.isalnum())
        self._out = io.BytesIO(self._out.getvalue().replace(b"%MARK", mark))

    def fileno(self) -> int:
        return self._pipe[0]

    def recv_ready(self) -> bool:
        return self._out.tell() < len(self._out.getbuffer())

    def recv_stderr_ready(self) -> bool:
        return self._err.tell() < len(self._err.getbuffer())

    def recv(self, _size: int) -> bytes:
        return self._out.read(7)

    def recv_stderr(self, _size: int) -> bytes:
        return self._err.read(7)

    def shutdown_write(self) -> None:
        """Hear nothing."""

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            os.close(self._pipe[0])
            os.close(self._pipe[1])


@FEW
@given(spoiled(b"Welcome\n%MARK 12 34\nout\n"), st.binary(max_size=50), st.integers(-2, 300), st.booleans())
def test_a_shell_may_print_anything(stdout: bytes, stderr: bytes, status: int, sudo: bool) -> None:  # noqa: FBT001
    shell = Shell("m1", lambda: cast("paramiko.Channel", Channel(stdout, stderr, status)))
    check("m1", lambda: shell.run(["id"], sudo=sudo))


@pytest.mark.parametrize("said", ['"\\ud800"', '"a\\udfff b"', '"\\ud83d\\ude00"'])
def test_half_characters_become_whole_ones(said: str) -> None:
    value = parsed(said.encode())
    assert isinstance(value, str)
    assert value.encode()
    assert ("\N{GRINNING FACE}" in value) == (said == '"\\ud83d\\ude00"')


def test_when_no_host_makes_sense_the_error_says_so() -> None:
    world = World(managers=1, workers=1)
    for machine in world.machines.values():
        machine.files |= {"/proc/net/route": b"", "/proc/net/fib_trie": b"|-- 999.1.1.1\n/32 host LOCAL\n"}
    with pytest.raises(NothingReachableError, match=r"m1, w1: read the kernel's routes: the answer makes no sense"):
        observe(world.ports())
    assert issubclass(NothingReachableError, SwarmnetError)
