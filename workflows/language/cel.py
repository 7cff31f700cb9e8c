"""The CEL library: loaded when the first expression is compiled, its messages made readable."""

import difflib
import functools
import re
from typing import Any

from workflows.language.errors import ExpressionError
from workflows.language.reads import VARIABLES

MAX_CHARACTERS = 2_000
MAX_DEPTH = 32  # levels of an expression; fixed in the library
MAX_ITERATIONS = 10_000  # of all macros of one evaluation together; fixed in the library

FUNCTIONS = (
    "all", "bool", "bytes", "charAt", "contains", "double", "duration", "dyn", "endsWith",
    "exists", "exists_one", "filter", "format", "getDate", "getDayOfMonth", "getDayOfWeek",
    "getDayOfYear", "getFullYear", "getHours", "getMilliseconds", "getMinutes", "getMonth",
    "getSeconds", "has", "indexOf", "int", "join", "lastIndexOf", "lowerAscii", "map", "matches",
    "replace", "reverse", "size", "split", "startsWith", "string", "strings.quote", "substring",
    "timestamp", "trim", "type", "uint", "upperAscii",
    "math.abs", "math.ceil", "math.floor", "math.greatest", "math.isFinite", "math.isInf",
    "math.isNaN", "math.least", "math.round", "math.sign", "math.sqrt", "math.trunc",
)  # fmt: skip

KEYWORDS = ("true", "false", "null", "in")
"""Words that cannot follow a dot. The words that CEL reserves for itself can."""

_KEYWORD_FIELD = re.compile(rf"\.\s*({'|'.join(KEYWORDS)})\b")
_ERROR = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_NO_OVERLOAD = re.compile(r"found no matching overload for '([^']*)' applied to '\((.*)\)'")
_EXPECTING = re.compile(r" expecting .*")
_TOO_DEEP = re.compile("recursion (depth|limit)", re.IGNORECASE)
_NUMBERS = {"int", "uint", "double"}


def compile_text(text: str) -> Any:
    """The library's program for an expression. Raises ExpressionError."""
    if len(text) > MAX_CHARACTERS:
        message = f"An expression may have {MAX_CHARACTERS:,} characters; this has {len(text):,}."
        raise ExpressionError(message)
    if not text.strip():
        raise ExpressionError("The expression is empty.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ExpressionError("A lone surrogate is not a character.", error.start + 1) from None
    try:
        return _environment().compile(text)
    except RuntimeError as error:
        raise _explain(str(error), text) from None


@functools.cache
def _environment() -> Any:
    # 6 MB of native code, which most processes that import this app never need.
    from cel_expr_python import cel
    from cel_expr_python.ext import ext_math, ext_strings

    return cel.NewEnv(
        variables=dict.fromkeys(VARIABLES, cel.Type.DYN),
        extensions=[ext_strings.ExtStrings(), ext_math.ExtMath()],
    )


def explain_types(function: str, types: list[str]) -> str:
    """The message that an operator or function does not accept these types, and what to do."""
    shown = function.strip("_@") or function
    message = f"{shown!r} cannot be used with {' and '.join(types) or 'nothing'}."
    if function in ("_?_:_", "<jump_condition>"):
        return "The condition before '?' must be a bool."
    if function in ("!_", "_&&_", "_||_"):
        return f"{shown!r} needs a bool."
    if len(types) == 2 and len(set(types)) == 2:
        if set(types) <= _NUMBERS:
            conversion = "double" if "double" in types else "int"
            return f"{message} Both must be of one type: write {conversion}(…)."
        if function == "_+_" and "string" in types:
            return f"{message} Write string(…) around values that are not texts."
    return message


def _explain(raw: str, text: str) -> ExpressionError:
    found = _ERROR.findall(raw)
    if _TOO_DEEP.search(raw):
        return ExpressionError(f"Nested too deep; the limit is {MAX_DEPTH} levels.")
    if not found:
        return ExpressionError(raw.splitlines()[0])
    # What is wrong first often only follows from a name that is wrong later on the same line.
    line, column, message = next((one for one in found if "undeclared" in one[2]), found[0])
    offset = _offset(text, int(line), int(column))
    if undeclared := _UNDECLARED.search(message):
        return _explain_name(undeclared[1], text, offset)
    if overload := _NO_OVERLOAD.search(message):
        types = overload[2].split(", ") if overload[2] else []
        return ExpressionError(explain_types(overload[1], types), offset + 1)
    if "'<EOF>'" in message:
        return ExpressionError("The expression ends too early.", offset + 1)
    keyword = _KEYWORD_FIELD.search(text)
    if keyword and ("Syntax error" in message or "has()" in message):
        message = (
            f"{keyword[1]!r} is a reserved word, not a field: write [{keyword[1]!r}] "
            "without the dot."
        )
        return ExpressionError(message, keyword.start(1) + 1)
    message = _EXPECTING.sub("", message)
    return ExpressionError(f"{message[0].upper()}{message[1:]}.", offset + 1)


def _explain_name(name: str, text: str, offset: int) -> ExpressionError:
    name = name.lstrip(".").partition(".")[0] or name
    # For a call the library gives the place of its parenthesis.
    is_call = text[offset : offset + 1] == "("
    start = text.rfind(name, 0, offset + len(name))
    is_function = is_call or text[: max(start, 0)].rstrip().endswith(".")
    known = [one.rpartition(".")[2] for one in FUNCTIONS] if is_function else list(VARIABLES)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    if is_function:
        message = f"There is no function {name!r}.{hint}"
    else:
        message = f"There is no variable {name!r}: there are {', '.join(VARIABLES)}.{hint}"
    return ExpressionError(message, (start if start >= 0 else offset) + 1)


def _offset(text: str, line: int, column: int) -> int:
    """The number of characters before a position, which is given as line and column from 1."""
    before = text.split("\n")[: max(0, line - 1)]
    return max(0, sum(len(one) + 1 for one in before) + column - 1)
