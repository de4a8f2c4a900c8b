from __future__ import annotations

from swarmnet.report.documents.backups import show_document
from tests.support.backups import a_document


def test_what_a_backup_holds_is_sorted_by_name_whatever_order_managers_answered_in() -> None:
    document = a_document()
    state = document.state
    turned = {name: getattr(state, name)[::-1] for name in ("nodes", "networks", "services", "configs", "secrets")}
    other = document.model_copy(update={"state": state.model_copy(update=turned)})

    assert show_document(other).tree == show_document(document).tree
    assert len(show_document(document).services) + len(show_document(document).networks) > 1
