"""Credentials are recognised by their shape, wherever they stand."""

import json
import random
import time

import pytest

from controlplane.core.masking import MASK, mask_secrets
from controlplane.workspaces.identities import make_key
from tasks_app.failures import describe

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def some(length: int, alphabet: str = LETTERS) -> str:
    """The same characters at every run, and unlike any real credential."""
    return "".join(random.Random(length).choices(alphabet, k=length))


UPPER = LETTERS[26:]
BODY = "\n".join(some(64) for _ in range(5))
KINDS = ("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", "DSA ")
TOKENS = {
    "AWS key": "AKIA" + some(16, UPPER),
    "AWS temporary key": "ASIA" + some(16, UPPER),
    "GitHub": "ghp_" + some(36),
    "GitHub server": "ghs_" + some(36),
    "GitHub fine-grained": "github_pat_" + some(22) + "_" + some(59),
    "GitLab": "glpat-" + some(20),
    "Slack bot": "xoxb-" + "1234567890-" + some(24),
    "Slack user": "xoxp-" + some(30),
    "Slack app": "xapp-1-" + some(30),
    "Stripe": "sk_live_" + some(24),
    "Stripe restricted": "rk_live_" + some(24),
    "Stripe test": "sk_test_" + some(24),
    "Google": "AIza" + some(35),
    "Google OAuth": "ya29." + some(60),
    "OpenAI": "sk-proj-" + some(48),
    "Anthropic": "sk-ant-api03-" + some(48),
    "Hugging Face": "hf_" + some(34),
    "npm": "npm_" + some(36),
    "PyPI": "pypi-" + some(60),
    "SendGrid": f"SG.{some(22)}.{some(43)}",
    "Shopify": "shpat_" + some(32, "abcdef0123456789"),
    "JWT": f"eyJ{some(30)}.eyJ{some(80)}.{some(43)}",
    "Docker": "dckr_pat_" + some(27),
    "Vault": "hvs." + some(90),
    "Atlassian": "ATATT3" + some(100),
    "Databricks": "dapi" + some(32, "abcdef0123456789"),
    "Mailgun": "key-" + some(32, "abcdef0123456789"),
    "Telegram": "123456789:AA" + some(33),
    "ours": make_key().secret,
}


@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize(
    "around",
    ["{}", "it reads {}.", "a={},b", '{{"x": "{}"}}', "['{}']", "https://h/?x={}&y=1", "\n{}\n"],
)
def test_tokens_of_well_known_shapes(kind: str, around: str) -> None:
    token = TOKENS[kind]
    masked = mask_secrets(around.format(token))
    assert token not in masked
    assert token[-12:] not in masked
    assert MASK in masked


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\\n"])
@pytest.mark.parametrize("around", ["{}", "before {} after", '{{"pem": "{}"}}', "    {}"])
def test_private_keys_over_several_lines(kind: str, newline: str, around: str) -> None:
    block = f"-----BEGIN {kind}PRIVATE KEY-----\n{BODY}\n-----END {kind}PRIVATE KEY-----"
    masked = mask_secrets(around.format(block.replace("\n", newline)))
    assert not any(line in masked for line in BODY.split("\n"))
    before, _, after = around.replace("{{", "{").replace("}}", "}").partition("{}")
    assert masked.startswith(before)
    assert masked.endswith(after)


def test_a_block_with_headers_and_one_of_pgp() -> None:
    header = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123456789ABCDEF\n\n"
    for start, end in (
        ("BEGIN RSA PRIVATE KEY", "END RSA PRIVATE KEY"),
        ("BEGIN PGP PRIVATE KEY BLOCK", "END PGP PRIVATE KEY BLOCK"),
    ):
        masked = mask_secrets(f"x -----{start}-----\n{header}{BODY}\n-----{end}----- y")
        assert masked == f"x -----{start}-----{MASK}-----{end}----- y"


def test_a_block_that_was_cut() -> None:
    """Long texts are cut before they are masked."""
    block = f"-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----"
    for cut in (block[:100], block[:-40], block[60:], block[90:]):
        for masked in (mask_secrets(f"it failed: {cut}"), mask_secrets(cut)):
            assert not any(line[:30] in masked for line in BODY.split("\n"))
    assert mask_secrets(f"it failed: {block[90:]}").startswith("it failed")


def test_several_blocks_and_what_is_between_them() -> None:
    block = f"-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----"
    masked = mask_secrets(f"one {block} two {block} three")
    assert masked.count(MASK) == 2
    assert (" two " in masked, masked.endswith(" three")) == (True, True)


@pytest.mark.parametrize(
    "text",
    [
        "https://user:hunter2@host/path",
        "https://user:hunt@hunter2@host/path",
        "amqps://:hunter2@host",
        "https://hunter2hunter2hunter2@host/path",
        "Cookie: a=1; session=hunter2; b=2",
        "set-cookie: session=hunter2; Path=/",
        "AWS_SECRET_ACCESS_KEY=hunter2",
        "AccountKey=hunter2==;EndpointSuffix=x",
        "SharedAccessKey: hunter2",
        "https://x.test/a?X-Amz-Signature=hunter2&b=1",
        "https://x.test/a?sv=1&sig=hunter2hunter2",
        "Authorization: Bearer hunter2hunter2",
        "Proxy-Authorization: Basic hunter2hunter2",
        "curl -H 'Bearer hunter2hunter2'",
    ],
)
def test_named_credentials(text: str) -> None:
    assert "hunter2" not in mask_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        "a task, a disk-full error and a risk-averse operator-of-everything-here",
        "https://host:8080/path?email=a@b.example",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
        "AKIAshort and SOMETHINGAKIA0123456789ABCDEF",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "018f6f2e-0000-7000-8000-000000000000",
        "eyJ without the rest",
    ],
)
def test_other_texts_stay(text: str) -> None:
    assert mask_secrets(text) == text


def test_errors_and_tracebacks() -> None:
    block = f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}\n-----END RSA PRIVATE KEY-----"
    error = ValueError(f"cannot use {TOKENS['AWS key']} with\n{block}")
    try:
        raise error
    except ValueError as caught:
        kept = json.dumps(describe(caught))
    assert TOKENS["AWS key"] not in kept
    assert not any(line in kept for line in BODY.split("\n"))
    assert "cannot use ***" in kept


@pytest.mark.parametrize(
    "piece",
    [
        "_eyJ", "-eyJa.", "eyJ.eyJ", "-----BEGIN ", "-----END PRIVATE KEY-----A",
        "-----BEGIN PRIVATE KEY-----", "SG.", "AKIA", "ghp_", "xoxb-", "A", "sig=", "password",
        "a://x:", "://aaaaaaaaaaaaaaaaaaaaaa", "Cookie: ", "1234567890:AA", "key='", 'secret="\\',
    ],
)  # fmt: skip
def test_long_texts_are_masked_in_linear_time(piece: str) -> None:
    """A pattern that tries again from every character would take minutes here."""
    began = time.thread_time()
    assert mask_secrets(piece * (300_000 // len(piece))) != ""
    assert time.thread_time() - began < 5  # it takes a tenth of a second of the processor
