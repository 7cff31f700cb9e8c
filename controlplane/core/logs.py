"""Log records as lines: one record, one line, whatever is in it."""

import copy
import logging

from controlplane.core.masking import mask_secrets
from controlplane.core.safetext import safe_text

_INDENT = "    "


class LineFormatter(logging.Formatter):
    """A record's text can neither forge a line nor send an escape sequence, and what looks like a
    credential is masked. Lines of a traceback are indented, so that none passes for a record.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, and below it the traceback."""
        bare = copy.copy(record)
        bare.msg, bare.args = mask_secrets(record.getMessage()), None
        bare.exc_info = bare.exc_text = bare.stack_info = None
        lines = [safe_text(super().format(bare))]
        traceback = self.formatException(record.exc_info) if record.exc_info else record.exc_text
        for text in (traceback, record.stack_info):
            if text:
                lines += [_INDENT + safe_text(line) for line in mask_secrets(text).split("\n")]
        return "\n".join(lines)
