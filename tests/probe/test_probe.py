"""The probe as it runs in a container: its own process, started from the text that travels in argv."""

from __future__ import annotations

import ast
import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import HTTPServer, SimpleHTTPRequestHandler
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest

from swarmnet.edge.operator.probe_image import MODULES, probe_argv
from swarmnet.probe import names, netlink
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject, JsonValue

ALLOWED = {
    "array",
    "base64",
    "errno",
    "hashlib",
    "json",
    "os",
    "select",
    "socket",
    "struct",
    "sys",
    "threading",
    "time",
    "zlib",
}


PORT = free_port()


def _command(*words: str) -> list[str]:
    return [sys.executable, *probe_argv()[1:], *words]


@contextmanager
def serving(identity: str, port: int = PORT) -> Iterator[None]:
    job: JsonObject = {"run": "r1", "id": identity, "lifetime": 30, "port": port}
    with subprocess.Popen(_command("serve", json.dumps(job)), stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield
        finally:
            process.kill()


def run(
    *tasks: JsonObject, limit: float = 20.0, run_id: str = "r1", port: int = PORT
) -> dict[str, dict[str, JsonValue]]:
    """Ask a probe that opens no port of its own."""
    job: JsonObject = {"number": 1, "run": run_id, "limit": limit, "tasks": [*tasks]}
    words = _command("observe", json.dumps({"lifetime": 30, "port": port}))
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            answer = _first_answer(process, job)
        finally:
            process.kill()
    answers: dict[str, dict[str, JsonValue]] = answer["answers"]
    return answers


def _first_answer(process: subprocess.Popen[bytes], *jobs: JsonObject) -> dict[str, Any]:
    """Send jobs to a probe's stdin and return what it says first, but for its greeting."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"".join(json.dumps(job).encode() + b"\n" for job in jobs))
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(next(line for line in process.stdout if line != b"ready\n"))
    return answer


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    with serving("w2"):
        yield


def _task(kind: str, targets: dict[str, JsonValue]) -> JsonObject:
    return {"key": kind, "kind": kind, "from": "w1", "network": "front", "targets": targets}


def test_every_kind_of_question_is_answered_by_a_living_peer(server: None) -> None:
    del server
    found = run(*(_task(kind, {"w2": "127.0.0.1"}) for kind in ("icmp", "udp", "tcp", "who")))
    for kind, answer in found.items():
        outcome = answer["targets"]["w2"]  # type: ignore[index,call-overload]
        assert outcome["ok"] is True, (kind, outcome)  # type: ignore[index,call-overload]
    assert {found[kind]["targets"]["w2"]["id"] for kind in ("udp", "tcp", "who")} == {"w2"}  # type: ignore[index,call-overload]


def test_a_silent_address_is_distinguished_from_a_refusing_one(server: None) -> None:
    del server
    found = run(_task("udp", {"none": "127.0.0.1"}), limit=0.4, run_id="another run")
    outcome = found["udp"]["targets"]["none"]  # type: ignore[index,call-overload]
    assert (outcome["ok"], outcome["why"]) == (False, "no answer")  # type: ignore[index,call-overload]


def test_flows_from_many_ports_pass_to_a_living_peer_and_all_of_them_are_lost_to_a_silent_one(server: None) -> None:
    del server
    task: JsonObject = {**_task("flows", {"w2": "127.0.0.1"}), "count": 16}
    passed, lost = (run(task, limit=20, run_id=name)["flows"]["targets"]["w2"] for name in ("r1", "other"))  # type: ignore[index,call-overload]
    assert (passed["flows"], passed["lost"], passed["tries"]) == (16, 0, 1)  # type: ignore[index,call-overload]
    assert (lost["flows"], lost["lost"], lost["first"]) == (16, 16, 0)  # type: ignore[index,call-overload]


def test_a_task_may_have_a_limit_of_its_own(server: None) -> None:
    del server
    task = {**_task("udp", {"none": "127.0.0.1"}), "limit": 0.3}
    begun = time.monotonic()
    assert run(task, limit=60, run_id="another run")["udp"]["targets"]["none"]["ok"] is False  # type: ignore[index,call-overload]
    assert time.monotonic() - begun < 20


def test_the_server_remembers_whom_it_heard_on_which_network(server: None) -> None:
    del server
    run({**_task("udp", {"w2": "127.0.0.1"}), "network": "back", "from": "w9"})
    assert "w9" in run({"key": "h", "kind": "heard"})["h"]["heard"]["back"]  # type: ignore[index,call-overload,operator]


def test_a_serving_probe_answers_jobs_on_its_stdin_side_by_side() -> None:
    jobs: list[JsonObject] = [
        {"number": 1, "run": "other", "limit": 30, "tasks": [_task("udp", {"none": "127.0.0.1"})]},
        {"number": 2, "run": "r1", "limit": 1, "tasks": [{"key": "f", "kind": "facts"}]},
    ]
    serve = _command("serve", json.dumps({"run": "r1", "id": "w3", "lifetime": 30, "port": free_port()}))
    with subprocess.Popen(serve, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        answer = _first_answer(process, *jobs)
        process.kill()
    assert (answer["number"], answer["answers"]["f"]["kernel"]) == (2, os.uname().release)


def test_an_unknown_question_is_an_answer_not_a_crash() -> None:
    assert "no task" in str(run(_task("nonsense", {}))["nonsense"]["problem"])


def test_dns_answers_are_read_with_compressed_names_and_codes() -> None:
    query = names.question(7, "w1.front")
    head = query[:2] + b"\x81\x80" + b"\0\1\0\2\0\0\0\0"
    record = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4"
    data = head + query[12:] + record + bytes([10, 0, 1, 9]) + record + bytes([10, 0, 1, 4])
    assert names.answer(data) == (7, "no address", ["10.0.1.4", "10.0.1.9"])
    assert names.answer(query[:2] + b"\x81\x83" + query[4:]) == (7, "no such name", [])


@pytest.mark.parametrize("length", [0, 5, 11, 30])
def test_a_damaged_dns_answer_is_refused(length: int) -> None:
    query = names.question(7, "w1.front")
    data = query[:2] + b"\x81\x80" + b"\0\1\0\2\0\0\0\0" + query[12:] + b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x0a\0\1\x09"
    with pytest.raises(ValueError, match="damaged"):
        names.answer(data[:length])


@pytest.mark.parametrize("name", MODULES)
def test_the_probe_is_python_3_8_and_imports_little(name: str) -> None:
    source = resources.files("swarmnet.probe").joinpath(f"{name}.py").read_text("utf-8")
    for node in ast.parse(source, feature_version=(3, 8)).body:
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= ALLOWED
        elif isinstance(node, ast.ImportFrom):
            assert node.module in ("__future__", "swarmnet.probe")


def test_a_run_with_a_name_of_odd_length_can_ping() -> None:
    assert run(_task("icmp", {"self": "127.0.0.1"}), run_id="odd")["icmp"]["targets"]["self"]["ok"] is True  # type: ignore[index,call-overload]


def test_a_web_server_is_asked_by_a_probe_and_tells_apart_error_and_silence() -> None:
    with HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        targets: dict[str, JsonValue] = {"here": f"127.0.0.1:{web.server_port}", "closed": "127.0.0.1:1"}
        task: JsonObject = {"key": "w", "kind": "http", "path": "/none", "times": 2, "targets": targets}
        found = run(task, limit=4.0)["w"]["targets"]  # what is not well is asked again until the time is up
        web.shutdown()
    assert isinstance(found, dict)
    assert {label: set(outcome["why"]) for label, outcome in found.items()} == {  # type: ignore[index,call-overload,arg-type]
        "here": {"HTTP status 404"},
        "closed": {"Connection refused"},
    }


def test_a_resolver_that_refuses_is_described_like_one_that_is_silent() -> None:
    """F15: a refusal is an answer, not an error of the probe."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        quiet = ("127.0.0.1", free_port())
        silent.bind(quiet)
        reported = names.ask_all([("w1.front", ["10.0.0.1"])], time.monotonic() + 0.6, quiet)
    refused = names.ask_all([("w1.front", ["10.0.0.1"]), ("w2.front", ["10.0.0.2"])], time.monotonic() + 4, quiet)
    assert [(one["ok"], one["why"]) for one in reported] == [(False, "no answer")]
    assert [(one["ok"], one["why"]) for one in refused] == [(False, "Connection refused")] * 2


def test_a_burst_counts_what_left_what_came_back_and_what_arrived() -> None:
    """F4: nothing is sent twice, so that a rate can be measured."""
    task: JsonObject = {"kind": "loss", "key": "k", "from": "w1", "network": "loss/front", "count": 20, "spacing": 0.01}
    port = free_port()
    with serving("w2", port):
        found = run({**task, "targets": {"w2": "127.0.0.1"}}, port=port)
        heard = run({"kind": "heard", "key": "h"}, port=port)["h"]["heard"]
    assert found["k"]["targets"] == {"w2": {"sent": 20, "came": 20, "tries": 20}}
    assert heard == {"loss/front": {"w1": 20}}


def test_echoes_are_few_where_none_is_lost_and_all_that_was_sent_is_counted() -> None:
    task: JsonObject = {"kind": "echoes", "key": "k", "few": 20, "many": 100, "spacing": 0.01}
    task |= {"least": 0.01}
    found = run({**task, "targets": {"me": "127.0.0.1"}})
    assert found["k"]["targets"] == {"me": {"sent": 20, "came": 20, "tries": 20, "answered": 20}}


def test_a_burst_that_has_no_time_for_all_sends_fewer_and_waits_for_the_last_answers() -> None:
    task: JsonObject = {"kind": "loss", "key": "k", "from": "w1", "network": "loss/front", "count": 5000, "limit": 0.4}
    port = free_port()
    with serving("w2", port):
        found = run({**task, "spacing": 0.002, "targets": {"w2": "127.0.0.1"}}, port=port)
    one: dict[str, int] = found["k"]["targets"]["w2"]  # type: ignore[index,call-overload,assignment]
    assert 0 < one["came"] == one["sent"] < 5000


def test_a_burst_that_has_no_time_at_all_still_sends_one_to_each() -> None:
    task: JsonObject = {"kind": "loss", "key": "k", "from": "w1", "network": "loss/front", "count": 9, "limit": 0.0}
    port = free_port()
    with serving("w2", port):
        found = run({**task, "spacing": 0.002, "targets": {"w2": "127.0.0.1"}}, port=port)
    assert found["k"]["targets"]["w2"] == {"sent": 1, "came": 1, "tries": 1}  # type: ignore[index,call-overload]


def test_the_way_to_an_address_by_ipv6_is_the_kernels_own() -> None:
    assert netlink.route("::1") == {"device": "lo", "local": "::1"}
    assert netlink.ways({"me": "::1"})["me"]["mtu"] == netlink.links()["lo"]["mtu"]  # type: ignore[index]
