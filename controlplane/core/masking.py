"""Finds credentials in texts by the word before them, or by their own format. A safety net, not a
guarantee. The time is linear in the length of the text: a repetition that is followed by something
that must match is bounded, and blocks are found by scanning.
"""

import re
import string

MASK = "***"

# No repetition before a required word is unbounded: a handler may log a megabyte.
_NAMED = re.compile(
    r"""(?ix)
    (?P<key>(?:passw(?:or)?d|passphrase|pwd|secret|token|signature|credential|cookie|authorization
        |(?:api|access|account|private|encryption|signing|shared)[_-]?key)
        [\w-]{0,60}\\?["']?\s{0,9}[=:]\s{0,9})
    (?:
        (?P<single>[bru]{0,2}')(?:[^'\\\n]|\\.){0,2000}(?=')
        | (?P<double>[bru]{0,2}")(?:[^"\\\n]|\\.){0,2000}(?=")
        | (?P<escaped>\\["'])[^"'\\\n]{0,2000}
        | (?P<bracket>[\[{(])[^\]})\n]{1,2000}
        | (?P<bare>["']?(?:bearer\s{1,9}|basic\s{1,9})?)[^\s"',;)}&]+
    )
    | (?P<scheme>\b(?:bearer|basic)\s{1,9})(?P<credential>[A-Za-z0-9._~+/=-]{8,})
    | (?P<url>[a-z]://[^\s/:@]{0,200}:)(?P<login>[^\s/]{1,500})(?=@)
    """
)
# One of these is in every text that the pattern above changes.
_WORDS = (
    "passw", "passphrase", "pwd", "secret", "token", "signature", "credential", "cookie",
    "authorization", "key", "bearer", "basic", "://",
)  # fmt: skip
_KEPT = ("single", "double", "escaped", "bracket", "bare")

# Well-known shapes, each with a literal that its text must hold: most texts hold none of them.
_SHAPES = {
    "AKIA": r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b",  # AWS
    "gh": r"gh[pousr]_[0-9A-Za-z]{20,255}",  # GitHub
    "github_pat_": r"github_pat_\w{20,255}",
    "glpat-": r"glpat-[\w-]{16,255}",  # GitLab
    "xox": r"xox[a-z]-[0-9A-Za-z-]{8,255}",  # Slack
    "xapp-": r"xapp-[0-9A-Za-z-]{8,255}",
    "hooks.slack.com": r"(?<=hooks\.slack\.com/services/)[\w/]{8,255}",
    "_live_": r"(?:sk|rk|pk)_live_[0-9A-Za-z]{8,255}",  # Stripe
    "_test_": r"(?:sk|rk)_test_[0-9A-Za-z]{8,255}",
    "whsec_": r"whsec_[0-9A-Za-z+/=]{16,255}",
    "AIza": r"AIza[\w-]{30,255}",  # Google
    "ya29.": r"ya29\.[\w.-]{16,2000}",
    "GOCSPX-": r"GOCSPX-[\w-]{16,255}",
    "sk-": r"sk-[\w-]{20,255}",  # OpenAI, Anthropic
    "hf_": r"hf_[0-9A-Za-z]{20,255}",
    "npm_": r"npm_[0-9A-Za-z]{20,255}",
    "pypi-": r"pypi-[\w-]{16,500}",
    "SG.": r"SG\.[\w-]{16,64}\.[\w-]{16,64}",  # SendGrid
    "shp": r"shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{16,255}",  # Shopify
    "dop_v1_": r"dop_v1_[0-9a-f]{16,255}",  # DigitalOcean
    "dckr_pat_": r"dckr_pat_[\w-]{16,255}",  # Docker
    "hvs.": r"hvs\.[\w-]{16,255}",  # Vault
    "ATATT": r"ATATT[\w=-]{16,500}",  # Atlassian
    "dapi": r"dapi[0-9a-f]{32}",  # Databricks
    "key-": r"key-[0-9a-f]{32}",  # Mailgun
    ":AA": r"\d{8,10}:AA[\w-]{30,40}",  # Telegram
    "tp_": r"tp_[0-9a-z]{8}_[\w-]{43}",  # ours
    # A JWT. Only where a run of its characters begins, so that each run is read once.
    "eyJ": r"(?<![\w-])eyJ[\w-]{5,4000}\.eyJ[\w-]{2,8000}(?:\.[\w-]{0,4000})?",
    "://": r"(?<=://)[^\s/:@]{20,500}(?=@)",  # a token in the place of a login
    "ookie:": r"(?<=[Cc]ookie:)[ \t]{0,9}[^\s\"'][^\n\"']{0,4000}",  # all of a header's cookies
    "sig=": r"(?<=[?&]sig=)[\w%+/=.-]{8,500}",  # a signed address of Azure
}
_SHAPES |= dict.fromkeys(("ASIA", "ABIA", "ACCA"), _SHAPES["AKIA"])
_SHAPED = {literal: re.compile(r"(?<![0-9A-Za-z])" + rule if not rule.startswith("(?<") else rule)
           for literal, rule in _SHAPES.items()}  # fmt: skip

_PEM = re.compile(r"-----(BEGIN|END) [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_PEM_BODY = frozenset(string.ascii_letters + string.digits + "+/=\\ \r\n\t\"',")


def mask_secrets(text: str) -> str:
    """Replace what looks like a credential by ***: `password=…`, quoted or in brackets, too; bearer
    tokens, logins in URLs, private keys, and tokens of well-known shapes."""
    if "PRIVATE KEY" in text:
        text = _mask_private_keys(text)
    for literal, shape in _SHAPED.items():
        if literal in text:
            text = shape.sub(MASK, text)
    lowered = text.lower()
    if any(word in lowered for word in _WORDS):
        text = _NAMED.sub(_mask_named, text)
    return text


def _mask_named(found: re.Match[str]) -> str:
    if found["key"]:
        opening = next((found[name] for name in _KEPT if found[name]), "")
        return f"{found['key']}{opening}{MASK}"
    return (found["scheme"] or found["url"] or "") + MASK


def _mask_private_keys(text: str) -> str:
    """Removes the text between the marks, also of a block whose beginning or end is cut off."""
    parts: list[str] = []
    kept_from, is_inside = 0, False
    for mark in _PEM.finditer(text):
        if mark[1] == "BEGIN":
            if not is_inside:
                parts.append(text[kept_from : mark.end()])
            is_inside = True
        elif is_inside:
            parts.append(MASK)
            is_inside, kept_from = False, mark.start()
        else:
            start = mark.start()
            while start > kept_from and text[start - 1] in _PEM_BODY:
                start -= 1
            parts += [text[kept_from:start], MASK]
            kept_from = mark.start()
    if is_inside:
        return "".join(parts) + MASK
    return "".join(parts) + text[kept_from:]
