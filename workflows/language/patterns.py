"""How large the program of a regular expression is, before RE2 builds it."""

_CLASS = 8  # instructions of a class or a dot: its ranges in UTF-8
_NAMED = 300  # of a class such as \\pL


def measure_pattern(pattern: str) -> int:
    """A bound for the instructions of a pattern: `x{m,n}` counts as n times x.

    RE2 takes time in proportion to the text times this, whatever the pattern is (Russ Cox,
    "Regular Expression Matching in the Wild", 2010).
    """
    open_sums, total, atom, at = [], 1, 0, 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "(":
            open_sums.append(total)
            total, atom = 1, 0
        elif char == ")" and open_sums:
            atom = total + 2
            total = open_sums.pop() + atom
        elif char == "{":
            times, at = _read_times(pattern, at)
            total += atom * max(0, times - 1)
            atom *= max(1, times)
        else:
            atom, at = _read_atom(pattern, char, at)
            total += atom
    return total + sum(open_sums)


def _read_times(pattern: str, at: int) -> tuple[int, int]:
    end = pattern.find("}", at)
    numbers = [part for part in pattern[at : max(at, end)].split(",") if part.strip()]
    if end < 0 or not all(part.strip().isdecimal() and len(part) < 9 for part in numbers):
        return 1, at
    return max((int(part) for part in numbers), default=1), end + 1


def _read_atom(pattern: str, char: str, at: int) -> tuple[int, int]:
    if char == "\\":
        if pattern[at : at + 1] not in ("p", "P"):
            return _CLASS, at + 1
        end = pattern.find("}", at) if pattern[at + 1 : at + 2] == "{" else at + 1
        return _NAMED, max(end, at + 1) + 1
    if char == "[":
        end = pattern.find("]", at + 1)
        inside = pattern[at : max(at, end)]
        return _CLASS + 2 * len(inside) + _NAMED * inside.lower().count("\\p"), max(at, end + 1)
    return (_CLASS if char == "." or not char.isascii() else 2), at
