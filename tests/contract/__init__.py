"""The rules of engines, held by the simulator and by real engines alike."""

import pytest

pytest.register_assert_rewrite("tests.contract.suite", "tests.contract.updates")
