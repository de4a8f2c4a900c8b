"""What ``swarmnet verify`` refuses before it reaches any host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.cli.commands.verify import book_of, level_of, overlays_of, read_playbook, scenarios
from swarmnet.cli.probes import probe_kit
from swarmnet.cli.results import read
from swarmnet.errors import UsageError
from swarmnet.report.documents.verify import verify_document
from swarmnet.report.formats import FORMATS
from swarmnet.report.reports.verify import verify_report
from swarmnet.verify.ids import Group
from swarmnet.verify.scenarios import ALL
from tests.support.clusters import inventory
from tests.support.verified import a_verification

if TYPE_CHECKING:
    from pathlib import Path


def test_scenarios_are_chosen_by_name() -> None:
    assert [one.name for one in scenarios(["udp", "icmp,tcp"], ["icmp"])] == ["udp", "tcp"]
    assert len(scenarios(None, ["vip, ipvs"])) == len(scenarios(None, None)) - 2


def test_an_unknown_scenario_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no scenario 'ping'") as caught:
        scenarios(["icmp,ping"], None)
    assert "icmp" in str(caught.value.hint)


def test_skipping_everything_is_refused() -> None:
    with pytest.raises(UsageError, match="no scenario is left"):
        scenarios(["icmp"], ["icmp"])


def test_each_level_holds_those_before_it_and_without_one_all_is_proved() -> None:
    quick, standard, full = (scenarios(None, None, word) for word in ("quick", "standard", "full"))
    assert set(quick) < set(standard) < set(full)
    assert full == scenarios(None, None) == ALL
    assert not any(one.needs_service or one.needs_mesh or one.needs_control for one in quick)


def test_an_unknown_level_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no level 'fast'") as caught:
        scenarios(None, None, "fast")
    assert caught.value.hint == "levels: quick, standard, full"


def test_a_level_next_to_named_scenarios_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be combined"):
        scenarios(["icmp"], None, "quick")
    assert level_of(["icmp"], None) is None


def test_two_sources_of_the_probe_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be combined"):
        probe_kit("python:3", tmp_path / "image.tar")


def test_the_overlays_of_a_playbook_are_tested(tmp_path: Path) -> None:
    path = tmp_path / "site.yml"
    networks = ("{name: front, attachable: true}", "{name: inner}", "{name: local, driver: bridge}")
    path.write_text("schema: 1\nname: site\nsteps:\n" + "".join(f"  - network: {one}\n" for one in networks))
    hosts = inventory(1)
    assert overlays_of(read_playbook(path, hosts)) == ("front", "inner")
    path.write_text("schema: 1\nname: site\nsteps:\n  - network: {name: inner, driver: bridge}\n")
    with pytest.raises(UsageError, match="no overlay, and expects nothing"):
        overlays_of(read_playbook(path, hosts))


@pytest.mark.parametrize(
    "step", ["expect: {deny: [web -> db]}", "service: {name: web, image: 'web:1', check: {tcp: 80}}"]
)
def test_a_playbook_that_only_expects_something_names_no_overlay_and_is_taken(step: str, tmp_path: Path) -> None:
    path = tmp_path / "who.yml"
    path.write_text(f"schema: 1\nname: who\nsteps:\n  - {step}\n")
    assert overlays_of(read_playbook(path, inventory(1))) == ()


def test_variables_of_a_playbook_are_those_that_apply_was_given(tmp_path: Path) -> None:
    path = tmp_path / "live.yml"
    path.write_text("schema: 1\nname: live\nvars: {live: blue}\nsteps:\n  - network: {name: '${live}-env'}\n")
    hosts = inventory(1)
    for variables, name in ((None, "blue-env"), (["live=green"], "green-env")):
        book = book_of(path, hosts, variables)
        assert book is not None
        assert overlays_of(book) == (name,)
    with pytest.raises(UsageError, match="--var sets variables of a playbook, and none is named"):
        book_of(None, hosts, ["live=green"])
    assert book_of(None, hosts, None) is None


def test_every_source_of_a_verdict_can_be_chosen_and_left_out() -> None:
    """E5: findings bear the names of scenarios, or of groups of them."""
    for name in (*(one.name for one in ALL), *Group):
        assert scenarios([name], None), name
        assert name == Group.PROBE or len(scenarios(None, [name])) < len(ALL), name


def test_an_earlier_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "last.json"
    report = verify_report(a_verification(), verbose=False)
    path.write_text(FORMATS["json"].render(report))

    assert read(path, "shop", what="--since") == verify_document(a_verification())


@pytest.mark.parametrize(
    ("text", "cluster", "words"),
    [
        (None, "shop", "no such file"),
        ("{", "shop", "not a result of verify"),
        ('{"schema": 2}', "shop", "not a result of verify"),
        (FORMATS["json"].render(verify_report(a_verification(), verbose=False)), "other", "cluster shop, not of other"),
    ],
)
def test_another_file_than_an_earlier_result_of_the_cluster_is_refused(
    text: str | None, cluster: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "last.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=words):
        read(path, cluster, what="--since")
