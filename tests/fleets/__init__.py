"""The fleet's back-ends: one contract for all, played on each of the places where workers live."""

import pytest

pytest.register_assert_rewrite("tests.fleets.contract")
