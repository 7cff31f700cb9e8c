"""The inputs of a payload with what was typed and what is wrong, for the template."""

from collections.abc import Sequence
from dataclasses import dataclass

from controlplane.core.admin.schemaform import Group, Input
from tasks_app.admin.submitform import SubmitForm


@dataclass(frozen=True, slots=True)
class DrawnInput:
    """One input. `depth` is that of the objects around it."""

    input: Input
    text: str
    errors: Sequence[str]

    @property
    def input_id(self) -> str:
        return f"id_{self.input.name}"

    @property
    def described_by(self) -> str:
        parts = [f"{self.input_id}_error"] if self.errors else []
        return " ".join([*parts, *([f"{self.input_id}_help"] if self.input.help else [])])

    @property
    def rows(self) -> int:
        """Lines of a text area: enough for what is in it."""
        least = 4 if self.input.kind.control == "json" else 2
        return min(16, max(least, self.text.count("\n") + 1))

    @property
    def choices(self) -> list[tuple[str, str, bool]]:
        return [(value, word, value == self.text) for value, word in self.input.choices]


@dataclass(frozen=True, slots=True)
class DrawnGroup:
    group: Group
    parts: "Sequence[DrawnInput | DrawnGroup]"
    is_group: bool = True


def draw(form: SubmitForm) -> list[DrawnInput | DrawnGroup]:
    return _draw(form, form.layout.parts)


def _draw(form: SubmitForm, parts: Sequence[Input | Group]) -> list[DrawnInput | DrawnGroup]:
    drawn: list[DrawnInput | DrawnGroup] = []
    for part in parts:
        if isinstance(part, Group):
            drawn.append(DrawnGroup(part, _draw(form, part.parts)))
        else:
            text = form.texts.get(part.name, "")
            drawn.append(DrawnInput(part, text, form.errors.get(part.name, ())))
    return drawn
