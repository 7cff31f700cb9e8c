"""Dead letters are of the test types."""

import tests.handlers  # noqa: F401 - registers the test types
