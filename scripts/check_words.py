"""Names each word that must not come back into code, pages and documents, and the plain one.

Run by ./scripts/lint. Rules of the language: CONTRIBUTING.md.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# A pattern, and the plain words for it. Patterns match whole words, in names as in sentences.
WORDS = {
    r"anew": "again",
    r"belfry|belfries": "notifier",
    r"by and by": "gradually",
    r"by comma": "separated by commas",
    r"came of|comes of": "result, outcome",
    r"crews?": "workers",
    r"doorbells?": "wake-up",
    r"fates?": "outcome",
    r"foretell\w*|foretold": "forecast",
    r"forsaken": "orphaned",
    r"heard of": "seen, last pass",
    r"hostages?": "stalled claim",
    r"in vain": "without success, timed out",
    r"less what": "minus",
    r"lest": "so that … not",
    r"meant": "intended, selected",
    r"meanwhile": "in the meantime, or name the moment",
    r"mend|mends|mended|mending": "repair, fix",
    r"musters?|mustered|mustering": "fleet snapshot",
    r"of no effect": "has no effect",
    r"said": "reported, message",
    r"so many": "a number, that many, or name the number",
    r"such of": "those that",
    r"thrice": "three times",
    r"told|tells": "reported, notified, says, shows",
    r"wellbeing": "engine health",
    r"what became": "outcome, result",
    r"whoever": "everybody who, or name the actor",
    r"wish|wishes|wished": "desired, recommended",
}
# "Of reprocess: tasks a second." hides its subject.
_BEGINS_WITH_OF = re.compile(r"(?<![A-Za-z])Of (?!course\b)[`'\"*\w]+")
_HIDES_SUBJECT = "a sentence that begins with its subject"

# Files that quote old words: the history, migrations that have run, recorded rows, and this check
# with its test.
_UNREAD = re.compile(
    r"CHANGELOG\.md|.*/migrations/\w+\.py|.*\.ndjson"
    r"|scripts/check_words\.py|tests/unit/test_check_words\.py"
)
# Names that an earlier release stored, in the files that must read them.
STORED_NAMES = {
    "scaling/fleet/process.py": "told",
    "tests/fleets/test_process.py": "told",
}


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    """One group for each word; a space also matches the end of a line and the indent after it."""
    groups = "|".join(f"({word})".replace(" ", r"\s+(?:#\s+)?") for word in words)
    return re.compile(rf"(?<![A-Za-z])(?:{groups})(?![A-Za-z])", re.IGNORECASE)


def find_words(text: str) -> list[tuple[int, str, str]]:
    """Line, word and advice for each word of `text` that must not be there."""
    advice = list(WORDS.values())
    found = [
        (match.start(), " ".join(match.group().split()), advice[(match.lastindex or 1) - 1])
        for match in _pattern(WORDS).finditer(text)
    ]
    found += [
        (match.start(), match.group(), _HIDES_SUBJECT) for match in _BEGINS_WITH_OF.finditer(text)
    ]
    return [(text.count("\n", 0, at) + 1, word, hint) for at, word, hint in sorted(found)]


def check_files(root: Path, names: Iterable[str]) -> list[str]:
    """One line for each word in these files, and for each stored name that is no longer there."""
    problems = []
    for name in sorted(names):
        path = root / name
        if _UNREAD.fullmatch(name) or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # no text
            continue
        found = find_words(text)
        stored = STORED_NAMES.get(name)
        if stored and stored not in [word for _, word, _ in found]:
            problems.append(f"{name}: {stored!r} has gone: remove the file from STORED_NAMES.")
        problems += [
            f"{name}:{line}: {word!r}: write {hint}."
            for line, word, hint in found
            if word != stored
        ]
    return problems


def list_files(root: Path) -> list[str]:
    """Files in the repository, and new ones that git does not ignore."""
    command = [shutil.which("git") or "git", "ls-files", "--cached", "--others"]
    listed = subprocess.run(
        [*command, "--exclude-standard", "-z"], cwd=root, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.split("\0") if name]


def main() -> int:
    problems = check_files(ROOT, list_files(ROOT))
    print("\n".join(problems) or "No old words.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
