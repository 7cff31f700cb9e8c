"""scripts/check_words.py finds each old word, where it stands, and nothing else."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

_PATH = Path(__file__).resolve().parents[2] / "scripts" / "check_words.py"

# One sentence or name for each entry of the list.
EXAMPLES = {
    r"anew": "It begins anew.",
    r"belfry|belfries": "class Belfry:",
    r"by and by": "They come by and by.",
    r"by comma": "Several by comma.",
    r"came of|comes of": "What came of it.",
    r"crews?": "crew_size = 3",
    r"doorbells?": "A carrier of doorbells.",
    r"fates?": "expected_fates = []",
    r"foretell\w*|foretold": "from scaling import foretelling",
    r"forsaken": "forsaken steps",
    r"heard of": "It was last heard of at noon.",
    r"hostages?": "hostage_count",
    r"in vain": "Waited in vain.",
    r"less what": "What waits, less what waited.",
    r"lest": "lest it fails",
    r"meant": "The newest are meant.",
    r"meanwhile": "It changed meanwhile.",
    r"mend|mends|mended|mending": "def mend_steps():",
    r"musters?|mustered|mustering": "_mustered",
    r"of no effect": "It is of no effect.",
    r"said": "unless said otherwise",
    r"so many": "after so many failures",
    r"such of": "such of them as wait",
    r"thrice": "once instead of thrice",
    r"told|tells": "def test_it_is_told():",
    r"wellbeing": "self.wellbeing",
    r"what became": "what became of the tasks",
    r"whoever": "whoever may submit tasks",
    r"wish|wishes|wished": "WISH = 1",
}


@pytest.fixture(scope="module")
def check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_words", _PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_word_of_the_list_has_an_example(check: ModuleType) -> None:
    assert list(EXAMPLES) == list(check.WORDS)


@pytest.mark.parametrize("word", EXAMPLES)
def test_each_word_is_found_with_its_advice(check: ModuleType, word: str) -> None:
    ((line, _, advice),) = check.find_words(f"Plain.\n{EXAMPLES[word]}\n")
    assert (line, advice) == (2, check.WORDS[word])


def test_a_phrase_is_found_over_the_end_of_a_line(check: ModuleType) -> None:
    assert check.find_words("Plain.\n# after so\n# many failures") == [
        (2, "so # many", check.WORDS["so many"])
    ]


@pytest.mark.parametrize(
    "text",
    ['"""Of all queues."""', "- Of one workspace", 'help="Of reprocess: a rate."', "x. Of `a`"],
)
def test_a_sentence_that_begins_with_of_is_found(check: ModuleType, text: str) -> None:
    ((_, _, advice),) = check.find_words(text)
    assert advice == "a sentence that begins with its subject"


@pytest.mark.parametrize(
    "text",
    ["amend, recommended, fateful, screw", "Of course it does.", "one of them; so few, many so"],
)
def test_other_words_are_left_alone(check: ModuleType, text: str) -> None:
    assert check.find_words(text) == []


def test_files_are_reported_by_name_and_line(check: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "app/migrations").mkdir(parents=True)
    for name in ("page.md", "CHANGELOG.md", "app/migrations/0001_initial.py"):
        (tmp_path / name).write_text("Plain.\nanew\n")
    (tmp_path / "logo.png").write_bytes(b"\x89PNG anew \xff")
    names = ["page.md", "CHANGELOG.md", "app/migrations/0001_initial.py", "logo.png", "removed.py"]
    assert check.check_files(tmp_path, names) == ["page.md:2: 'anew': write again."]


def test_stored_names_pass_in_their_file_alone_and_only_while_they_are_there(
    check: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "STORED_NAMES", {"reads.py": "told", "stale.py": "told"})
    for name in ("reads.py", "other.py"):
        (tmp_path / name).write_text('record.pop("told")')
    (tmp_path / "stale.py").write_text("plain")
    assert check.check_files(tmp_path, ["reads.py", "other.py", "stale.py"]) == [
        "other.py:1: 'told': write reported, notified, says, shows.",
        "stale.py: 'told' has gone: remove the file from STORED_NAMES.",
    ]


def test_the_repository_is_listed_with_this_test(check: ModuleType) -> None:
    assert "scripts/check_words.py" in check.list_files(check.ROOT)
