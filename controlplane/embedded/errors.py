"""Errors of the embedded servers."""


class EmbeddedError(Exception):
    """An embedded server cannot be used; the message is one sentence that says what to do."""
