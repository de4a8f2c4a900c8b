"""What every command promises alike: options that mean the same, help with an example that works."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import pytest
import typer
from typer.testing import CliRunner

from swarmnet.cli.main import COMMANDS, GROUPS, build
from swarmnet.cli.options import JsonOption, grouped, names_of
from swarmnet.cli.wiring import connected, limited
from swarmnet.errors import UsageError
from swarmnet.model.hosts import Host, Inventory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import click


@dataclass(frozen=True)
class Greeting:
    whom: Annotated[str, typer.Option("--whom")]
    times: Annotated[int, typer.Option("--times")] = 1


def _leaves() -> Iterator[tuple[str, click.Command]]:
    """Yield every command that can be typed, with its words."""
    for name in COMMANDS:
        command = typer.main.get_command(build([name])).commands[name]  # type: ignore[attr-defined]
        verbs = getattr(command, "commands", None)
        if verbs is None:
            yield name, command
            continue
        yield from ((f"{name} {verb}", one) for verb, one in verbs.items())


LEAVES = dict(_leaves())
PRINTS_JSON_ANYWAY = {"schema", "backup export"}


def test_a_group_becomes_options_and_comes_back_as_one_value() -> None:
    app, said = typer.Typer(), list[tuple[Greeting, bool]]()

    @app.command()
    @grouped
    def greet(greeting: Greeting, *, as_json: JsonOption = False) -> None:
        """Greet."""
        said.append((greeting, as_json))

    assert CliRunner().invoke(app, ["--whom", "ann", "--json"]).exit_code == 0
    assert said == [(Greeting("ann", 1), True)]
    missing = CliRunner().invoke(app, [])
    assert (missing.exit_code, "--whom" in missing.output) == (2, True)


def test_names_may_be_repeated_and_have_commas() -> None:
    assert names_of(["a, b", "c", ""]) == {"a", "b", "c"}
    assert names_of(None) == frozenset()


READS_PLAYBOOK = [
    words
    for words, one in LEAVES.items()
    if any((part.name, part.param_type_name) == ("playbook", "argument") for part in one.params)
]


@pytest.mark.parametrize("words", READS_PLAYBOOK)
def test_every_command_that_reads_a_playbook_sets_its_variables(words: str) -> None:
    (option,) = (one for one in LEAVES[words].params if one.name == "var")
    assert option.opts == ["--var"]


@pytest.mark.parametrize("words", LEAVES)
def test_help_ends_with_an_example_that_the_command_accepts(words: str) -> None:
    command = LEAVES[words]
    assert command.epilog is not None
    for example in command.epilog.removeprefix("Example: ").split(" ; "):
        typed = [word for word in shlex.split(example.partition(" > ")[0]) if word]
        name, *rest = typed
        assert name == "swarmnet"
        assert " ".join(rest).startswith(words)
        assert command.make_context(words, rest[len(words.split()) :]).params


@pytest.mark.parametrize("words", sorted(set(LEAVES) - PRINTS_JSON_ANYWAY))
def test_every_command_answers_programs_and_those_that_reach_hosts_say_more_when_asked(words: str) -> None:
    options = {option for parameter in LEAVES[words].params for option in parameter.opts}

    assert "--json" in options
    assert "--verbose" in options or "--timeout" not in options


@pytest.mark.parametrize("words", LEAVES)
def test_help_explains_every_parameter_and_names_values_by_what_they_are(words: str) -> None:
    reported = LEAVES[words].get_help(LEAVES[words].make_context(words, [], resilient_parsing=True))

    assert all(getattr(parameter, "help", None) for parameter in LEAVES[words].params)
    assert re.findall(r"^ +-.*<(?!.*\|).*>", reported, re.MULTILINE) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_verbs_tells_each_in_a_whole_sentence_and_has_an_example(name: str) -> None:
    reported = CliRunner().invoke(build([name]), [name, "--help"]).stdout

    assert "..." not in reported.partition("Commands:")[2]
    assert f"Example: swarmnet {name}" in reported


@pytest.mark.parametrize("words", LEAVES)
def test_commands_that_reach_hosts_bound_every_wait_and_can_say_more(words: str) -> None:
    options = {option for parameter in LEAVES[words].params for option in parameter.opts}
    if "--inventory" in options and not words.startswith(("lab", "history")):
        assert {"--timeout", "--verbose"} <= options


def test_a_time_out_shortens_what_the_inventory_allows_a_connection_and_never_lengthens_it() -> None:
    hosts = Inventory(cluster="c", hosts=(Host(name="m1", address="192.0.2.1"),))
    for timeout, allowed in ((3.0, 3.0), (300.0, 10.0), (None, None)):
        with connected(hosts, timeout=timeout) as ports:
            assert ports.inventory.hosts[0].ssh.connect_timeout == allowed
            assert ports.clock.patience == timeout


NUMBERS = ("nan", "inf", "-inf", "1e999", "-1", "9" * 400)
WAITS = [
    (words, option)
    for words, command in _leaves()
    for option in ("--timeout", "--lock-wait", "--settle")
    if any(option in parameter.opts for parameter in command.params)
]


@pytest.mark.parametrize(("words", "option"), WAITS)
def test_m9_no_command_takes_a_wait_without_end(words: str, option: str) -> None:
    for number in NUMBERS:
        done = CliRunner().invoke(build([words.split(maxsplit=1)[0]]), [*words.split(), f"{option}={number}"])
        assert (done.exit_code, option in done.output) == (2, True), (number, done.output)


OWN_JSON = {"lab", "schema", "backup export", "convert", "watch"}
"""Print a file of their own: a lab is not a result; a schema, an export and a converted playbook are for programs.

A watch prints a line for each change, and has no end."""


@pytest.mark.parametrize("words", sorted(one for one in LEAVES if not {one, one.split()[0]} & OWN_JSON))
def test_every_command_that_prints_a_result_writes_it_in_any_format(words: str) -> None:
    flags = {flag for parameter in LEAVES[words].params for flag in parameter.opts}

    assert {"--format", "--json"} <= flags


ONLY_WORK_NEEDS = {
    "docker",
    "paramiko",
    "cryptography",
    "pyrage",
    "fabric",
    "yaml",
    "filelock",
    "asyncio",
    "rich.console",
}
"""What a help must not load: each of them costs a tenth of a second or more, on a busy machine twice that."""


def _loaded_by(*words: str) -> set[str]:
    script = f"import sys; from swarmnet.cli.main import build; build({[*words]!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=240)
    return set(done.stdout.split())


@pytest.mark.parametrize("words", [[], *([name, "--help"] for name in COMMANDS), ["lab", "up", "--help"]], ids=" ".join)
def test_help_loads_nothing_that_only_work_needs(words: list[str]) -> None:
    assert (ONLY_WORK_NEEDS | {"pydantic", "swarmnet.operations"}) & _loaded_by(*words) == set()


def _loaded_in_a_run(*words: str) -> set[str]:
    asked = [sys.executable, "-X", "importtime", "-m", "swarmnet", *words, "--timeout", "5"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=240)
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


@pytest.mark.parametrize("words", [["status"], ["lock", "status"], ["show", "networks"]], ids=" ".join)
def test_what_only_looks_loads_no_steps_of_playbooks_and_no_locks(words: list[str], tmp_path: Path) -> None:
    """Steps cost a third of a second of processor time, before the first login."""
    inventory = tmp_path / "lab.yml"
    inventory.write_text(
        "schema: 1\ncluster: c\nssh: {user: root, port: 1, connect_attempts: 1}\n"
        "hosts:\n  m1: {address: 127.0.0.1, role: manager}\n"
    )
    loaded = _loaded_in_a_run(*words, "-i", str(inventory))

    assert "fabric" in loaded
    assert {"swarmnet.operations", "filelock", "pyrage", "swarmnet.edge.backups.vault"} & loaded == set()


def test_a_playbook_loads_its_own_steps_and_no_backups(tmp_path: Path) -> None:
    inventory, playbook = tmp_path / "lab.yml", tmp_path / "p.yml"
    inventory.write_text(
        "schema: 1\ncluster: c\nssh: {user: root, port: 1, connect_attempts: 1}\n"
        "hosts:\n  m1: {address: 127.0.0.1, role: manager}\n"
    )
    playbook.write_text("schema: 1\nname: p\nsteps: [{swarm: {}}, {network: {name: front}}]\n")

    loaded = _loaded_in_a_run("apply", str(playbook), "-i", str(inventory))

    steps = "swarmnet.operations"
    assert {"swarmnet.workflows.apply", f"{steps}.swarm.actions", f"{steps}.network.actions"} <= loaded
    others = {f"{steps}.{one}.actions" for one in ("container", "service", "content")}
    assert (others | {"swarmnet.parse.compose.service", "swarmnet.workflows.backup"}) & loaded == set()


@pytest.mark.parametrize("verb", ["break", "heal"])
def test_the_help_of_faults_loads_their_options_and_nothing_that_makes_them(verb: str) -> None:
    assert (ONLY_WORK_NEEDS | {"swarmnet.lab.lab", "swarmnet.lab.state"}) & _loaded_by("lab", verb, "--help") == set()


@pytest.mark.parametrize("words", [["lab"], ["lab", "--help"], ["lab", "up"]])
def test_every_command_of_the_lab_is_listed_whether_its_options_are_loaded_or_not(words: list[str]) -> None:
    verbs = typer.main.get_command(build(words)).commands["lab"].commands  # type: ignore[attr-defined]

    assert {*verbs} == {line.split()[1] for line in LEAVES if line.startswith("lab ")}


def test_help_lists_every_command_once_under_its_heading() -> None:
    reported = CliRunner().invoke(build([]), ["--help"]).stdout

    assert re.findall(r"^(\w[\w ]+):$", reported, re.MULTILINE)[-len(GROUPS) :] == [*GROUPS]
    for name, (_, summary) in COMMANDS.items():
        assert len(re.findall(rf"^  {name} +{re.escape(summary)}$", reported, re.MULTILINE)) == 1


@pytest.mark.parametrize("limit", [[""], [" , "], ["m1", ""]])
def test_an_empty_limit_is_refused_and_never_means_all_hosts(limit: list[str]) -> None:
    hosts = Inventory(cluster="c", hosts=(Host(name="m1", address="192.0.2.1"),))
    with pytest.raises(UsageError, match="--limit is empty"):
        limited(hosts, limit)


def test_every_command_that_lets_hosts_enter_a_swarm_looks_at_them_first_unless_a_flag_allows_all() -> None:
    with_flag = {words for words, one in LEAVES.items() if any("--allow-unready" in param.opts for param in one.params)}
    assert with_flag == {"plan", "apply", "node replace", "restore plan", "restore apply", "restore resume"}
