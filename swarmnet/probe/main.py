"""What a probe does: ``serve`` or ``observe`` for the whole run, and meanwhile the jobs that lines of stdin bring."""

from __future__ import annotations

import json
import os
import sys
import threading
import time

from swarmnet.probe import (
    datagrams,
    flows,
    host,
    injection,
    ipsec,
    knocks,
    listeners,
    names,
    neighbours,
    netlink,
    observer,
    openings,
    reach,
    server,
    sizes,
    streams,
    trials,
    turns,
    watch,
    web,
    wire,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO, Any

OBSERVER = observer.Observer()
"""The captures of this process."""
TURNS = turns.Turns()
"""The pauses of this process."""


def main(words: list[str]) -> int:
    """Do what the first word says with the JSON of the second."""
    job = json.loads(words[1])
    wire.PORT = int(job.get("port", wire.PORT))
    TURNS.begin()
    threading.Thread(target=answer_lines, args=(sys.stdin.buffer, sys.stdout.buffer), daemon=True).start()
    if words[0] == "serve":
        server.Server(str(job["run"]), server.identity_from(job)).serve(float(job["lifetime"]))
    else:
        print("ready", flush=True)
        time.sleep(float(job["lifetime"]))
    return 0


def answer_lines(questions: IO[bytes], answers: IO[bytes]) -> None:
    """Answer each job that comes as a line of JSON by one line: its number and its answers.

    Jobs run side by side, so that one whose asker gave up does not hold up the next.
    """
    turn = threading.Lock()

    def answer(job: dict[str, Any]) -> None:
        line = json.dumps({"number": job["number"], "answers": run(job)}, separators=(",", ":")).encode() + b"\n"
        with turn:
            answers.write(line)
            answers.flush()

    for question in questions:
        threading.Thread(target=answer, args=(json.loads(question),), daemon=True).start()


def run(job: dict[str, Any]) -> dict[str, object]:
    """Do all tasks of a job side by side; return what happened under each task's key."""
    until = time.monotonic() + float(job["limit"])
    answers: dict[str, object] = {}
    threads = [threading.Thread(target=_one, args=(job, task, until, answers)) for task in job["tasks"]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _one(job: dict[str, Any], task: dict[str, Any], until: float, answers: dict[str, object]) -> None:
    try:
        own = time.monotonic() + float(task.get("limit", job["limit"]))
        answers[str(task["key"])] = _do(str(job["run"]), {"elapsed": job.get("elapsed"), **task}, min(until, own))
    except (OSError, ValueError, KeyError) as error:
        answers[str(task["key"])] = {"problem": f"{type(error).__name__}: {error}"}


def _do(run_id: str, task: dict[str, Any], until: float) -> dict[str, object]:
    kinds: dict[str, Callable[[], dict[str, object]]] = {
        "facts": facts,
        "heard": lambda: streams.Streams(run_id).heard(until, task.get("await", {})),
        "neighbours": lambda: {"known": neighbours.known()},
        "kernel": host.kernel,
        "places": lambda: {"places": netlink.places()},
        "outside": lambda: {"targets": {"outside": names.outside(str(task["name"]), until, task.get("server"))}},
        "mark": lambda: datagrams.scatter(run_id, task),
        "loss": lambda: datagrams.burst(run_id, task, until),
        "echoes": lambda: datagrams.echoes(task, until),
        "flows": lambda: flows.sweep(run_id, task, until),
        "sizes": lambda: {"targets": sizes.ask_all(task["targets"], int(task["size"]), until)},
        "listening": listeners.listening,
        "namespace": listeners.namespace,
        "open": lambda: {"targets": openings.ask_all(task, until)},
        "reach": lambda: reach.ask(task, until),
        "http": lambda: {"targets": web.ask_all(task, until)},
        "rest": lambda: _rest(min(until, time.monotonic() + float(task["seconds"]))),
        "capture": lambda: OBSERVER.begin(task),
        "collect": lambda: OBSERVER.end(task),
        "ways": lambda: {"targets": netlink.ways(task["targets"], str(task.get("from_address", "")))},
        "watch": lambda: OBSERVER.watch(run_id, task),
        "watched": lambda: OBSERVER.watched(task),
        "throw": lambda: watch.throw(run_id, task),
        "tried": trials.tried,
        "turns": lambda: TURNS.longest(float(task["seconds"])),
        "inject": lambda: injection.send(task, until),
        "ipsec": lambda: {**ipsec.summary(), "elapsed": task["elapsed"]},
        "counters": ipsec.counters,
    }
    do = kinds.get(task["kind"])
    return do() if do else _ask_targets(run_id, task, until)


def _rest(until: float) -> dict[str, object]:
    """Let time go by while captures count."""
    time.sleep(max(0.0, until - time.monotonic()))
    return {"rested": True}


def _ask_targets(run_id: str, task: dict[str, Any], until: float) -> dict[str, object]:
    kind, targets = task["kind"], task["targets"]
    labels = list(targets)
    if kind == "dns":
        wanted = [(str(targets[label][0]), list(targets[label][1])) for label in labels]
        server = (names.ENGINES, 53) if task.get("of") == "engine" else None
        outcomes = names.ask_all(wanted, until, server, more=float(task.get("more", 0.0)))
    elif kind == "icmp":
        outcomes = datagrams.ask_all(datagrams.Echo(run_id), [targets[label] for label in labels], until)
    elif kind == "udp":
        nonces = datagrams.Nonces(run_id, str(task["from"]), str(task["network"]))
        outcomes = datagrams.ask_all(nonces, [targets[label] for label in labels], until)
    elif kind in ("tcp", "who"):
        outcomes = streams.ask_all(str(kind), streams.Streams(run_id), [targets[label] for label in labels], until)
    elif kind == "knock":
        doors = [knocks.Door(run_id, *targets[label]) for label in labels]
        outcomes = knocks.ask_all(doors, list(task.get("expected", ())), int(task["times"]), until)
    else:
        raise ValueError(f"no task {kind!r}")
    return {"targets": {label: outcomes[index] for index, label in enumerate(labels)}}


def facts() -> dict[str, object]:
    """Return what this kernel shows to a container: its release, and whether IPVS is there.

    The engine loads IPVS when it first balances a service, so ask after a service runs on the node.
    """
    return {"kernel": os.uname().release, "ipvs": os.path.exists("/proc/net/ip_vs")}
