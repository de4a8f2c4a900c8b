"""What tests share: labs, simulated clusters, servers, and builders of documents."""

import pytest

pytest.register_assert_rewrite("tests.support.total_loss")
