"""What a subcommand does to what exists, and the second look before it does harm."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from controlplane.core.formatting import format_number
from controlplane.core.requests import WITHOUT_REASON, needs_reason


class Effect(Enum):
    """What a subcommand does."""

    READS = auto()
    MAKES = auto()  # something new, or what the options spell out
    UNDONE = auto()  # it says how to undo it
    ENDS = auto()  # it cannot be undone, so it asks first


@dataclass(frozen=True, slots=True)
class Look:
    """What a command is about to do. `title` is such as `Cancel 12 tasks`; `first` are the first of
    them in words; `is_named`: the person named each of them."""

    title: str
    consequence: str
    count: int = 1
    first: Sequence[str] = ()
    is_named: bool = True
    is_undoable: bool = False

    @property
    def is_harmless(self) -> bool:
        """Whether nobody needs to be asked."""
        return self.count == 0 or (self.is_undoable and self.count <= WITHOUT_REASON)

    @property
    def is_chosen(self) -> bool:
        """Whether the command itself says exactly what is changed: one thing, or some by name."""
        return self.count == 1 or (self.is_named and self.count <= WITHOUT_REASON)

    @property
    def needs_reason(self) -> bool:
        return not self.is_chosen and needs_reason(self.count, is_undoable=self.is_undoable)

    def describe(self) -> Iterator[str]:
        """Lines for people."""
        yield f"{self.title}. {self.consequence}"
        yield from (f"  {each}" for each in self.first)
        if self.first and self.count > len(self.first):
            yield f"  and {format_number(self.count - len(self.first))} more"
