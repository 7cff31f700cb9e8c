"""The test suite: unit, integration, concurrency, acceptance, architecture."""
