"""Texts and values that try to be more than text: in a page, in a terminal, in a log line, in a
spreadsheet, in a shell. Every place that shows what people wrote is looked at with all of them."""

from typing import Any

from tests.hostiletext import HOSTILE

# What a script would do if it were executed.
CANARY = "window.__executed=1"
LONG_WORD = "W" * 10_000
FAMILY = "👩\u200d👩\u200d👧\u200d👦"

_MARKUP = {
    "script": f"<script>{CANARY}</script>",
    "script in disguise": f"<ScRiPt/src=data:text/javascript,{CANARY}>",
    "image": f"<img src=x onerror={CANARY}>",
    "vector": f"<svg/onload={CANARY}><animate onbegin={CANARY} attributeName=x dur=1s>",
    "handler": f'" autofocus onfocus="{CANARY}" onmouseover="{CANARY}',
    "handler, single": f"' autofocus onfocus='{CANARY}' x='",
    "address": f"javascript:{CANARY}",
    "address, data": f"data:text/html,<script>{CANARY}</script>",
    "address, foreign": "//evil.example/x",
    "frame": "<iframe src=//evil.example></iframe>",
    "refresh": "<meta http-equiv=refresh content=0;//evil.example><base href=//evil.example>",
    "closing": "</td></tr></table></pre></textarea></title></style></script></svg><b>x",
    "comment": "--><!-- <![CDATA[ ]]> -->",
    "json script": f'</script><script>{CANARY}//"',
    "style": "</style><style>*{display:none}</style>}body{display:none}",
    "entities": "&lt;b&gt; &amp;amp; &#60;script&#62; &nbsp",
    "template": "{{ 7|add:7 }}{% now 'Y' %}${7*7}#{7*7}<%= 7*7 %>",
    "expression": "{{ steps.charge.result }} {{ input }}",
}
_TERMINAL = {
    "colour": "\x1b[31mred\x1b[0m \x1b[2J\x1b[H",
    "window title": "\x1b]0;owned\x07 \x1b]2;owned\x1b\\",
    "hyperlink": "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "C1": "\x9b31mred\x9d0;owned\x9c\x90q\x9c\x85next",
    "backspace": "safe\x08\x08\x08\x08evil\x7f\x07",
    "carriage return": "task 1 failed\rtask 1 done  ",
    "line feed": "first\nFORGED 2030-01-01 INFO all is well",
    "separators": "a\u2028FORGED\u2029b\x0bc\x0cd\x1ce",
    "terminal markup": "[bold red]x[/bold red] [/x] :smile: [link=http://evil.example]x[/link]",
    "everything": HOSTILE,
}
_WRITING = {
    "Hebrew": "שלום 123 עולם",
    "Arabic": "مرحبا (١٢٣) abc",
    "override": "\u202egpj.exe\u202c",
    "open embeddings": "\u202a\u202b\u202d\u202e\u2066\u2067\u2068 open",
    "closings": "\u2069\u2069\u2069\u202c\u202c closed",
    "marks": "\u200fa\u200eb\u061cc",
    "combining": "Z" + "\u0301\u0335\u0489" * 60 + "algo",
    "family": FAMILY,
    "flags": "🇩🇪🏴\u200d☠\ufe0f 👍🏽 1\ufe0f\u20e3 🏴\U000e0067\U000e0062\U000e007f",
    "wide": "日本語のタスク名は幅が二倍です",
    "zero width": "pass\u200bword\u2060\ufeff\xad\u180e",
    "blanks": "\u3164\u115f\u2800\u034f",
    "homograph": "\u0440\u0430\u0443\u0440\u0430l.com \u0430pple",  # Cyrillic
    "private use": "\ue000\U000f0000\ufffe\uffff",
    "ligature": "ﷺ" * 20 + "ﬃ",
}
_NOTATION = {
    "formula": "=1+1",
    "formula, plus": "+1+1",
    "formula, minus": "-1+1",
    "formula, at": "@SUM(1)",
    "formula, tab": "\t=1+1",
    "formula, return": "\r=1+1",
    "formula, link": '=HYPERLINK("http://evil.example","x")',
    "formula, program": "=cmd|'/c calc'!A0",
    "formula, wide": "＝1+1",  # noqa: RUF001 - spreadsheets take it for "="
    "query": "a=b&c=d?e#f;g%2F%00%ZZ+h i",
    "percent": "100% %s %d %(x)s {0} {x}",
    "quotes": "'\"`\\'\\\"\\\\ \\n",
    "shell": "'; touch /tmp/owned; $(touch /tmp/owned) `touch /tmp/owned` && ! \\",
    "pattern": "%_\\ [a-z]* (?P<x>",
    "SQL": "' OR 1=1; --",
    "path": "../../etc/passwd",
    "pointer": "a/b~c~1d#e",
    "prototype": '{"__proto__": {"polluted": 1}}',
    "like NUL": "a\\u0000b \\x00 %00 ␀ À\x80",
    "like a surrogate": "\\ud800 \\udfff",
    "like nothing": "null",
    "like a number": "NaN",
    "like infinity": "-Infinity",
    "like a great number": "9223372036854775808",
    "like an id": "00000000-0000-0000-0000-000000000000",
}
_SHAPE = {
    "empty": "",
    "spaces": "   ",
    "line ends": "\n\n\t\r\n",
    "long word": LONG_WORD,
    "long words": "lorem ipsum " * 800,
    "many lines": "\n".join(f"line {number}" for number in range(5_000)),
    "long address": "https://evil.example/" + "a" * 4_000,
}

TEXTS: dict[str, str] = _SHAPE | _MARKUP | _TERMINAL | _WRITING | _NOTATION

# Names of properties that objects have without anybody's doing, and that paths take for more.
KEYS = (
    "__proto__", "constructor", "prototype", "then", "toString", "valueOf", "hasOwnProperty",
    "length", "", " ", ".", "..", "a.b", "a/b", "a~b", "a~1b", "#", "0", "-1", "key " * 250,
)  # fmt: skip

# Whole numbers up to 64 bits are exact; a greater one is a float, as no call takes it otherwise.
NUMBERS: dict[str, int | float] = {
    "2^53+1": 2**53 + 1,
    "2^63-1": 2**63 - 1,
    "-2^63": -(2**63),
    "2^63": 2.0**63,
    "2^64": 2.0**64,
    "-0": -0.0,
    "1e20": 1e20,
    "1e308": 1e308,
    "5e-324": 5e-324,
    "0.1+0.2": 0.1 + 0.2,
}
# Only SQL can have written these.
BEYOND = '{"2^64": 18446744073709551616, "1e400": 1e400, "digits": 1' + "0" * 500 + "}"


def nested(depth: int, value: Any = "bottom") -> Any:
    """Lists and objects in turn, of that many levels."""
    for level in range(depth):
        value = [value] if level % 2 else {"deeper": value}
    return value


def whole_payload() -> dict[str, Any]:
    """All texts as keys and as values, all keys, all numbers, and 31 levels below the object."""
    keyed = {text: name for name, text in TEXTS.items()}
    return {
        "texts": dict(TEXTS),
        "text keys": keyed,
        "keys": dict.fromkeys(KEYS, 1),
        "numbers": dict(NUMBERS),
        "list": [*TEXTS.values(), *NUMBERS.values(), None, True, [], {}],
        "deep": nested(30),
    }


def cut(text: str, limit: int) -> str:
    """As much of a text as a column holds."""
    return text[:limit]
