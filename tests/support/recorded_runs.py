"""What a whole run of verify saw on real hosts, kept as data: judged again in pure tests, without any host.

``python -m tests.support.recorded_runs LAB CASE [--network NAME] [SCENARIO...]`` runs verify on a lab that is broken in
some way, prints what it found, and writes the facts to ``tests/verify/recorded/CASE.json``. Secrets never get there:
verify asks for none.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from pydantic import BaseModel

from swarmnet.verify.scenario import Answer, Findings, Scenario, Setup

if TYPE_CHECKING:
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Answers, Question

FOLDER = Path(__file__).parent.parent / "verify" / "recorded"
KIND = "="
"""The key that names a value's class, or how it is written."""


@dataclasses.dataclass(frozen=True)
class RecordedRun:
    """What was tested, what was answered, and by the questions of which scenarios."""

    setup: Setup
    answers: Answers
    scenarios: tuple[str, ...]

    def judged(self) -> tuple[Verdict, ...]:
        """Return the verdicts of today's code on what was seen then."""
        from swarmnet.verify.judge import judged  # noqa: PLC0415 - the recorder is imported by tests of a lab, too
        from swarmnet.verify.scenarios import ALL  # noqa: PLC0415

        return judged(self.setup, tuple(one for one in ALL if one.name in self.scenarios), self.answers)["verdicts"]


class Recorder(Scenario):
    """Asks nothing, and keeps what it is given to judge."""

    name: ClassVar[str] = "recorder"
    summary: ClassVar[str] = "keeps what was seen"
    needs_probes: ClassVar[bool] = False
    needs_networks: ClassVar[bool] = False

    def __init__(self) -> None:
        self.seen: tuple[Setup, Answers] | None = None

    def ask(self, _setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Ask nothing."""
        return ()

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Keep both."""
        self.seen = (setup, dict(answers))
        return Findings()


def written(value: Any) -> Any:  # noqa: ANN401 - whatever a setup holds
    """Return a value as JSON: models and dataclasses by the name of their class, without what has its default."""
    if value is None or isinstance(value, Enum):
        return {KIND: _name(type(value)), "value": value.value} if value is not None else None
    if isinstance(value, BaseModel):
        names = {n: f.get_default(call_default_factory=True) for n, f in type(value).model_fields.items()}
        return {KIND: _name(type(value))} | {
            name: written(one) for name, default in names.items() if (one := getattr(value, name)) != default
        }
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {KIND: _name(type(value))} | {f.name: written(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {KIND: "map", "items": [[written(key), written(one)] for key, one in value.items()]}
    if isinstance(value, tuple | frozenset):
        return {KIND: type(value).__name__, "items": [written(one) for one in value]}
    return [written(one) for one in value] if isinstance(value, list) else value


def read(value: Any) -> Any:  # noqa: ANN401 - the same back
    """Return what was written."""
    if isinstance(value, list):
        return [read(one) for one in value]
    if not isinstance(value, dict):
        return value
    fields, kind = dict(value), value[KIND]
    del fields[KIND]
    if kind == "map":
        return {read(key): read(one) for key, one in fields["items"]}
    if kind in ("tuple", "frozenset"):
        return {"tuple": tuple, "frozenset": frozenset}[kind](read(one) for one in fields["items"])
    module, _, name = kind.partition(":")
    made = getattr(importlib.import_module(module), name)
    if issubclass(made, Enum):
        return made(fields["value"])
    return made(**{key: read(one) for key, one in fields.items()})


def _name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def save(case: str, setup: Setup, answers: Answers, scenarios: tuple[str, ...]) -> Path:
    """Write a run; each answer is a line of its own."""
    lines = [
        json.dumps([host, key, answer.value, answer.problem], sort_keys=True, separators=(",", ":"))
        for (host, key), answer in sorted(answers.items())
    ]
    head = json.dumps({"scenarios": scenarios, "setup": written(setup)}, sort_keys=True, separators=(",", ":"))
    path = FOLDER / f"{case}.json"
    path.write_text("[\n" + ",\n".join((head, *lines)) + "\n]\n", encoding="utf-8")
    return path


def load(case: str) -> RecordedRun:
    """Return a recorded run."""
    head, *rows = json.loads((FOLDER / f"{case}.json").read_text(encoding="utf-8"))
    answers = {(host, key): Answer(value, problem) for host, key, value, problem in rows}
    return RecordedRun(cast("Setup", read(head["setup"])), answers, tuple(head["scenarios"]))


def main() -> None:
    """Run verify on a lab, and keep what it saw."""
    from swarmnet.lab import Lab  # noqa: PLC0415 - for this program alone
    from swarmnet.model.verification import Keep  # noqa: PLC0415
    from swarmnet.verify.scenarios import ALL  # noqa: PLC0415
    from swarmnet.verify.story import VerifyOptions  # noqa: PLC0415
    from tests.support.live_verify import run  # noqa: PLC0415

    parser = argparse.ArgumentParser()
    parser.add_argument("lab")
    parser.add_argument("case")
    parser.add_argument("scenarios", nargs="*")
    parser.add_argument("--network", action="append", default=[])
    given = parser.parse_args()
    chosen = tuple(one for one in ALL if not given.scenarios or one.name in given.scenarios)
    recorder = Recorder()
    wish = VerifyOptions((*chosen, recorder), networks=tuple(given.network), settle=6.0, keep=Keep.ALWAYS)
    result = run(Lab.open(given.lab), wish)
    for one in result.verdicts:
        follows = f" <- {', '.join(str(root.cause) for root in one.because_of)}" if one.because_of else ""
        print(f"{one.status:12} {one.cause or '':20} {one.scenario}: {one.subject}: {one.detail[:230]}{follows}")  # noqa: T201
    if recorder.seen is not None:
        names = tuple(one.name for one in chosen)
        print(save(given.case, *recorder.seen, names))  # noqa: T201


if __name__ == "__main__":
    main()
