from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.cli.restore_choices import given_secrets, pairs
from swarmnet.errors import UsageError
from swarmnet.model.base import Secret
from swarmnet.model.swarm import SecretSpec, StoredSecret
from swarmnet.operations.content.names import NAME_LABEL
from tests.support.backups import CANARY, a_document

if TYPE_CHECKING:
    from pathlib import Path


def test_pairs_map_old_to_new() -> None:
    assert pairs(["m1=n1", "w1=n2"]) == {"m1": "n1", "w1": "n2"}


@pytest.mark.parametrize("words", [["m1"], ["=n1"], ["m1="], ["m1=n1", "m1=n2"]])
def test_a_word_that_is_not_a_pair_is_refused(words: list[str]) -> None:
    with pytest.raises(UsageError):
        pairs(words)


def test_secrets_come_from_a_private_file_only(tmp_path: Path) -> None:
    path = tmp_path / "secrets.yml"
    path.write_text(f"tls-key: {CANARY}\n")
    path.chmod(0o644)
    with pytest.raises(UsageError, match="read by others"):
        given_secrets(str(path), a_document())
    path.chmod(0o600)
    assert given_secrets(str(path), a_document()) == {"tls-key": Secret(CANARY)}


def test_a_secret_that_the_backup_has_not_is_refused_without_its_value(tmp_path: Path) -> None:
    path = tmp_path / "secrets.yml"
    path.write_text(f"other: {CANARY}\n")
    path.chmod(0o600)
    with pytest.raises(UsageError, match="no secret other") as caught:
        given_secrets(str(path), a_document())
    assert CANARY not in f"{caught.value} {caught.value.hint}"


def test_a_secret_is_called_as_its_playbook_called_it(tmp_path: Path) -> None:
    document = a_document()
    spec = SecretSpec(name="password-5b39cf3780cf", labels={NAME_LABEL: "password"})
    secrets = (StoredSecret(id="s", version=1, spec=spec),)
    state = document.state.model_copy(update={"secrets": secrets})
    path = tmp_path / "secrets.yml"
    path.write_text(f"password: {CANARY}\n")
    path.chmod(0o600)

    given = given_secrets(str(path), document.model_copy(update={"state": state}))

    assert given == {spec.name: Secret(CANARY)}
