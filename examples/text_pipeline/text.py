"""The text of the example, and its count without any task."""

import sysconfig
from dataclasses import asdict, dataclass
from pathlib import Path

from examples.text_pipeline.processors import WORD


@dataclass(frozen=True, slots=True)
class TextCounts:
    """What the workflow counts too."""

    lines: int
    words: int
    characters: int

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def make_text(target: Path, size: int) -> None:
    """Write about `size` bytes: the source files of this Python's standard library, one after
    the other, again from the first when they are used up."""
    sources = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    written = 0
    with target.open("w", encoding="utf-8") as text:
        while written < size:
            for source in sources:
                written += text.write(source.read_text(encoding="utf-8", errors="replace"))
                if written >= size:
                    break


def count_directly(path: Path) -> TextCounts:
    """The counts, line by line."""
    lines = words = characters = 0
    with path.open(encoding="utf-8", newline="") as text:
        for line in text:
            lines += line.count("\n")
            words += len(WORD.findall(line.lower()))
            characters += len(line)
    return TextCounts(lines=lines, words=words, characters=characters)
