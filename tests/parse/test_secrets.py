from __future__ import annotations

import pytest

from swarmnet.errors import DocumentError, SwarmnetError, UsageError
from swarmnet.model.base import Secret
from swarmnet.parse.secrets import secrets_of_environment, secrets_of_file
from tests.support.backups import CANARY


def test_a_file_maps_names_to_text() -> None:
    text = b"tls-key: |\n  line one\n  line two\ntoken: 'no'\n"
    assert secrets_of_file(text, name="s.yml") == {
        "tls-key": Secret("line one\nline two\n"),
        "token": Secret("no"),
    }


@pytest.mark.parametrize(
    "text",
    [
        f"token: [{CANARY}]",
        f"token: {{inner: {CANARY}}}",
        f"token: '{CANARY}",
        f"token: !!binary {CANARY}",
        f"{CANARY}",
        f"token: {CANARY}\n bad: {CANARY}: x",
        f"a: &x {CANARY}\nb: *x",
        "token: 12",
        "token: ''",
    ],
)
def test_a_wrong_file_is_refused_without_repeating_a_value(text: str) -> None:
    with pytest.raises(DocumentError) as caught:
        secrets_of_file(text.encode(), name="s.yml")
    error: SwarmnetError = caught.value
    assert CANARY not in f"{error} {error.hint} {error.problems}"  # type: ignore[attr-defined]


def test_variables_are_found_by_prefix_and_name() -> None:
    environment = {"RESTORE_TLS_KEY": CANARY, "RESTORE_EMPTY": "", "TLS_KEY": "other"}
    assert secrets_of_environment(environment, "RESTORE_", ["tls-key", "empty", "missing"]) == {
        "tls-key": Secret(CANARY)
    }


def test_two_secrets_never_share_a_variable() -> None:
    with pytest.raises(UsageError, match="both come from"):
        secrets_of_environment({}, "R_", ["a.b", "a-b"])
