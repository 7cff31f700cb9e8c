"""What people say about a task type or a queue: a title, a description, who owns it, and the
address of its runbook."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.core.addresses import is_web_address

MAX_TITLE = 100
MAX_DESCRIPTION = 2_000
MAX_OWNER = 100
MAX_RUNBOOK = 500
FIELDS = ("title", "description", "owner", "runbook")
RUNBOOK_RULE = (
    "An address that begins with http:// or https://, without a password, of at most "
    f"{MAX_RUNBOOK} characters."
)
_LINE = "At most {} characters in one line."


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Each part may be empty. The runbook is an address that is safe as a link."""

    title: str = ""
    description: str = ""
    owner: str = ""
    runbook: str = ""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Descriptor":
        """From stored values; what is missing is empty, and so is a runbook that is no link."""
        texts = {name: str(values.get(name) or "") for name in FIELDS}
        if not is_web_address(texts["runbook"], MAX_RUNBOOK):
            texts["runbook"] = ""
        return cls(**texts)

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in FIELDS)

    def to_json(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in FIELDS}


def find_faults(descriptor: Descriptor) -> Iterator[tuple[str, str]]:
    """The fields with a fault, each with what is allowed."""
    for name, limit in (("title", MAX_TITLE), ("owner", MAX_OWNER)):
        text = getattr(descriptor, name)
        if len(text) > limit or not text.isprintable():
            yield name, _LINE.format(limit)
    if len(descriptor.description) > MAX_DESCRIPTION or "\x00" in descriptor.description:
        yield "description", f"At most {MAX_DESCRIPTION:,} characters, without NUL."
    if descriptor.runbook and not is_web_address(descriptor.runbook, MAX_RUNBOOK):
        yield "runbook", RUNBOOK_RULE
