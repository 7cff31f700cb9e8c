"""Identifies equal failures by sixteen hexadecimal digits. Pure. The same code that fails in the
same way on other data gives the same digits: ids, numbers, times and quoted strings in the message
are replaced, and line numbers are left out, so that a deployment that only shifts lines keeps the
group. Every pattern is linear in its text, or bounded where it could not be.
"""

import hashlib
import re

from controlplane.core.tracebacks import FOREIGN

_MESSAGE_READ = 2_000
_TRACEBACK_READ = 20_000
_MESSAGE_KEPT = 500

_FRAME = re.compile(r'File "([^"\n]{1,500})", line \d{1,9}, in ([^\s,]{1,200})')
_TAIL_PARTS = 2

# In this order: what contains another is replaced first. A placeholder holds no digit, and nothing
# that a later pattern would take.
_VARIABLE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"""(?i)\b([a-z][a-z0-9+.-]{1,15}://[^\s/?#"'<>]{1,253})[^\s"'<>]*"""), r"\1<url>"),
    (re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"), "<email>"),
    (
        re.compile(
            r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?"
            r"(?:Z\b|[+-]\d\d:?\d\d\b)?)?"
        ),
        "<time>",
    ),
    (re.compile(r"(?<![^\W_])[bru]?'[^'\n]{0,500}'"), "<text>"),
    (re.compile(r'(?<![^\W_])[bru]?"[^"\n]{0,500}"'), "<text>"),
    (re.compile(r"""(/[^\s/:"'<>,;()]{1,255})(?:/[^\s/:"'<>,;()]{1,255})+"""), r"\1/<path>"),
    (re.compile(r"(?i)(?<![^\W_])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![^\W_])"), "#"),
    (re.compile(r"(?i)(?<![^\W_])[-+]?(?:0x[0-9a-f]+|[0-9a-f]{8,})(?![^\W_])"), "#"),
    (re.compile(r"(?i)(?:(?<![^\W_])[-+])?\d+(?:[.,:_]\d+)*(?:e[-+]?\d+)?"), "#"),
    (re.compile(r"\s+"), " "),
)


def fingerprint(
    *, category: str, error_class: str, message: str, traceback: str, task_type: str
) -> str:
    """Sixteen hexadecimal digits, the same for the same failure in every process.

    Computed from the category, the class, the normalised message and the place: the top frame of
    the own code, or the type of the task if there is none.
    """
    place = top_own_frame(traceback) or task_type
    parts = (category, error_class, normalise(message), place)
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:16]


def normalise(message: str) -> str:
    """The message with placeholders for the parts that differ between equal failures."""
    text = message[:_MESSAGE_READ]
    for pattern, placeholder in _VARIABLE:
        text = pattern.sub(placeholder, text)
    return text.strip()[:_MESSAGE_KEPT]


def top_own_frame(traceback: str) -> str:
    """The last frame outside the standard library, installed packages and the engine that called
    the handler: the end of its path and its function. Empty when there is none."""
    own = ""
    for path, function in _FRAME.findall(traceback[-_TRACEBACK_READ:]):
        if not FOREIGN.search(path):
            tail = re.split(r"[/\\]", path)[-_TAIL_PARTS:]
            own = f"{'/'.join(tail)}:{function}"
    return own
