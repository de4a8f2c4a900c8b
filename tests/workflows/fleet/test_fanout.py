from __future__ import annotations

import _thread
import threading
import time

import pytest

from swarmnet.errors import HostError, HostTimeoutError, UnexpectedError, UnreachableError, UsageError
from swarmnet.model.events import Event, HostFailed
from swarmnet.workflows.fleet.fanout import fan_out


def dead_b(host: str) -> str:
    if host == "b":
        raise UnreachableError("b", "no answer within 1 s")
    return host.upper()


def test_a_failing_host_is_data_and_the_others_finish_in_order() -> None:
    heard: list[Event] = []
    results = fan_out(["c", "b", "a", "c"], dead_b, listener=heard.append)
    assert list(results) == ["c", "b", "a"]
    assert (results["c"], results["a"]) == ("C", "A")
    assert isinstance(results["b"], HostError)
    assert heard == [HostFailed("b", "no answer within 1 s")]


def test_no_more_hosts_than_allowed_are_worked_on_at_once() -> None:
    present, most, lock = 0, 0, threading.Lock()

    def work(_host: str) -> None:
        nonlocal present, most
        with lock:
            present += 1
            most = max(most, present)
        time.sleep(0.01)
        with lock:
            present -= 1

    fan_out(map(str, range(12)), work, at_once=3)
    assert most == 3


def test_an_error_that_no_host_caused_is_raised_when_all_are_done() -> None:
    finished: list[str] = []

    def work(host: str) -> None:
        if host == "a":
            raise UsageError("that cannot be")
        finished.append(host)

    with pytest.raises(UsageError):
        fan_out(["a", "b", "c"], work)
    assert sorted(finished) == ["b", "c"]


def test_h4_an_unknown_error_is_its_hosts_failure_and_keeps_its_cause() -> None:
    bug = KeyError("x")
    heard: list[Event] = []

    def work(host: str) -> str:
        if host == "a":
            raise bug
        return host

    results = fan_out(["a", "b"], work, listener=heard.append)
    failure = results["a"]
    assert results["b"] == "b"
    assert isinstance(failure, UnexpectedError)
    assert failure.__cause__ is bug
    assert failure.message == "KeyError: it lacks 'x'"
    assert "-v" in str(failure.hint)
    assert heard == [HostFailed("a", failure.message)]
    assert isinstance(heard[0], HostFailed)
    assert heard[0].error is failure


def test_h3_a_host_that_never_ends_has_its_time_and_no_more_and_the_others_go_on() -> None:
    over = threading.Event()

    def work(host: str) -> str:
        if host in ("a", "b"):
            over.wait(60)
        return host

    began = time.monotonic()
    results = fan_out("abcde", work, at_once=2, limit=0.3)
    assert time.monotonic() - began < 10
    over.set()
    assert [results[name] for name in "cde"] == ["c", "d", "e"]
    for name in "ab":
        assert isinstance(results[name], HostTimeoutError)
        assert str(results[name]) == f"{name}: the work there was not done after 0.3 s"


def test_a_hosts_time_begins_with_its_own_work() -> None:
    def work(host: str) -> str:
        time.sleep(0.3)
        return host

    # Together they take longer than the limit, and one alone takes much less, also where this machine is busy.
    assert fan_out("abcdefgh", work, at_once=1, limit=2.0) == {name: name for name in "abcdefgh"}


def test_ctrl_c_is_raised_at_once_and_begins_no_further_host() -> None:
    begun: list[threading.Thread] = []
    over = threading.Event()

    def work(_host: str) -> None:
        begun.append(threading.current_thread())
        if len(begun) == 1:
            _thread.interrupt_main()
        over.wait(10)

    with pytest.raises(KeyboardInterrupt):
        fan_out(["a", "b", "c"], work, at_once=1)
    (one,) = begun
    assert one.is_alive()
    over.set()
    one.join(10)
    assert begun == [one]


def test_no_hosts_give_no_results() -> None:
    assert fan_out([], str.upper) == {}
