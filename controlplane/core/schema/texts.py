"""Lists of values in one text, as query strings, options and cells of exports have them."""

import re
from collections.abc import Iterable

import orjson

QUOTED = r'"(?:[^"\\]|\\.)*+"'
_PARTS = re.compile(rf"(?:\A|,)({QUOTED}(?=,|\Z)|[^,]*)", re.DOTALL)


def split_values(texts: Iterable[str]) -> list[str]:
    """The values of the texts, separated by commas. A value that contains a comma, or is in double
    quotes itself, is written as a JSON string: `"red, green"`. Empty values are left out."""
    return [unquote(part) for part in split_parts(texts) if part]


def split_parts(texts: Iterable[str]) -> list[str]:
    """As `split_values`, with the quotes as they are."""
    return [part for text in texts for part in _PARTS.findall(text)]


def join_values(values: Iterable[str]) -> str:
    """One text of which `split_values` makes the values again."""
    return ",".join(
        orjson.dumps(value).decode() if "," in value or value[:1] in ("", '"') else value
        for value in values
    )


def unquote(part: str) -> str:
    """What a JSON string stands for; any other text is itself."""
    if not part.startswith('"'):
        return part
    try:
        return str(orjson.loads(part))
    except orjson.JSONDecodeError:
        return part
