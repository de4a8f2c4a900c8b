"""What Prometheus reads of a report."""

from __future__ import annotations

from swarmnet.model.report import Status
from swarmnet.report.formats import FORMATS
from swarmnet.report.reports.apply import apply_report
from swarmnet.report.reports.verify import verify_report
from tests.report.test_hostile import APPLIED
from tests.support.expositions import series_of
from tests.support.planted import planted
from tests.support.verified import a_verification


def test_a_verification_has_its_verdicts_pairs_and_times() -> None:
    text = FORMATS["prometheus"].render(verify_report(a_verification(), verbose=False))

    shop, names = 'cluster="shop"', {name for name, _labels in series_of(text)}
    pair = 'network="net2",source="h1",destination="h3"'
    for line in (
        f'swarmnet_verify_status{{{shop},status="failed"}} 1',
        f'swarmnet_verify_status{{{shop},status="ok"}} 0',
        f'swarmnet_verify_verdict{{{shop},scenario="firewall",subject="network net2",status="failed"}} 1',
        f'swarmnet_verify_verdict{{{shop},scenario="icmp",subject="network net1",status="ok"}} 1',
        f'swarmnet_verify_causes{{{shop},cause="vxlan-blocked",status="failed"}} 1',
        f'swarmnet_verify_pairs{{{shop},scenario="icmp",network="net2",status="failed"}} 2',
        f'swarmnet_verify_pairs{{{shop},scenario="icmp",network="net1",status="failed"}} 0',
        f'swarmnet_verify_pair_loss_ratio{{{shop},scenario="loss",{pair}}} 0.5',
        f'swarmnet_verify_expected_pairs{{{shop},status="failed"}} 1',
        f'swarmnet_verify_phase_duration_seconds{{{shop},phase="pairs"}} 2',
    ):
        assert line in text.splitlines()
    assert f'swarmnet_verify_pair_latency_seconds{{{shop},scenario="icmp",{pair}}}' not in text
    assert "swarmnet_verify_pair_latency_seconds" in names
    assert "name-lost" not in text


def test_the_worst_verdict_on_a_subject_counts() -> None:
    found = a_verification()
    same = [one.model_copy(update={"scenario": "s", "subject": "x"}) for one in found.verdicts]
    for verdicts in (same, same[::-1]):
        result = found.model_copy(update={"verdicts": tuple(verdicts)})
        text = FORMATS["prometheus"].render(verify_report(result, verbose=False))

        series = series_of(text)
        values = {
            status: series["swarmnet_verify_verdict", f'cluster="shop",scenario="s",subject="x",status="{status}"']
            for status in Status
        }
        assert values == dict.fromkeys(Status, 0.0) | {Status.FAILED: 1.0}


def test_no_name_of_others_breaks_the_file() -> None:
    for hostile in ('"} 1\nforged{x="', "back\\slash", "\x1b[2J\u202e"):
        series = series_of(
            FORMATS["prometheus"].render(verify_report(planted(a_verification(), hostile), verbose=False))
        )
        assert {name.removeprefix("swarmnet_verify_") for name, _labels in series} >= {"status", "pairs"}


def test_every_other_command_has_the_status_of_its_checks() -> None:
    series = series_of(FORMATS["prometheus"].render(apply_report(APPLIED)))

    assert series["swarmnet_apply_check", 'group="command.run",name="touch",status="failed"'] == 1
