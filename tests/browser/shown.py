"""What a page shows beside what the database has had. While the chip says Live, a figure is one of
the last three seconds."""

import time
from collections.abc import Iterable
from typing import Any

from tasks_app.models import Task
from tasks_app.states import TaskState
from tests.browser.invariants import OLD_SECONDS, SLACK_SECONDS, read_number
from tests.browser.writer import QUEUE

Value = int | str
_WINDOW_SECONDS = OLD_SECONDS + SLACK_SECONDS
# A first look that is older than the window.
WATCH_SECONDS = _WINDOW_SECONDS + 0.5
_TRIES = 4
_TRY_MS = 250
# The status of the chip and figures by name; what looks old by itself is left out.
_SHOWN = """(queue) => {
    const chip = document.getElementById('live-chip');
    const figures = {};
    const add = (name, each) => {
        const isAlive = each?.checkVisibility({visibilityProperty: true})
            && !each.closest('[data-gone], .is-stale');
        if (isAlive) figures[name] = each.textContent.trim();
    };
    const task = document.querySelector('.task-page');
    const id = task?.dataset.subject.replace('task:', '');
    if (task) add(`state ${id}`, task.querySelector('[data-state-word]'));
    const overview = document.querySelector("[data-topic='overview'][data-workspace]");
    if (overview) {
        const figure = "[data-live='overview#figures/rows/waiting/value']";
        add(`waiting ${overview.dataset.workspace}`, overview.querySelector(figure));
    }
    const row = document.querySelector(`[data-row$='queues#rows/${queue}']`);
    add(`depth ${queue}`, row?.querySelector("[data-live='#depth']"));
    return {status: chip && !chip.hidden ? chip.dataset.status : '', figures};
}"""


class Watch:
    """Looks at the database beside the page that is open. `followed` counts figures that have moved
    in the window, and that the page has followed."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._names = list(self._see()["figures"])
        self._past: list[tuple[float, dict[str, Value]]] = []
        self.followed = 0

    def look(self) -> None:
        """Keep what the database has now."""
        values = read_values(self._names)
        self._past.append((time.time(), values))

    def check(self) -> None:
        """Compare the page with what the database has had. A value that came and went between two
        looks may be on it, but not for long."""
        wrong: list[str] = []
        for _ in range(_TRIES):
            wrong = self._find_wrong()
            if not wrong:
                return
            self._page.wait_for_timeout(_TRY_MS)
            self.look()
        raise AssertionError(f"the chip is Live, and {'; '.join(wrong)}")

    def _find_wrong(self) -> list[str]:
        since = time.time() - _WINDOW_SECONDS
        seen = self._see()
        self.look()
        if seen["status"] != "live":
            return []
        known = {name: self._values_since(since, name) for name in seen["figures"]}
        wrong = [
            f"{name} is {seen['figures'][name]}, and was {values}"
            for name, values in known.items()
            if values and not is_among(seen["figures"][name], values)
        ]
        if not wrong:
            self.followed += sum(len(set(values)) > 1 for values in known.values())
        return wrong

    def _see(self) -> dict[str, Any]:
        found: dict[str, Any] = self._page.evaluate(_SHOWN, QUEUE)
        return found

    def _values_since(self, since: float, name: str) -> list[Value]:
        """From the last look before that time on; empty if there was none yet."""
        before = [number for number, (at, _) in enumerate(self._past) if at <= since]
        looks = self._past[before[-1] :] if before else []
        return [values[name] for _, values in looks if name in values]


def read_values(names: Iterable[str]) -> dict[str, Value]:
    """The same figures from the database; those of tasks that are gone are left out."""
    found: dict[str, Value] = {}
    for name in names:
        kind, _, key = name.partition(" ")
        if kind == "state":
            state = Task.objects.filter(id=key).values_list("state", flat=True).first()
            if state is not None:
                found[name] = TaskState(state).label
        else:
            place = {"workspace__slug": key} if kind == "waiting" else {"queue__name": key}
            found[name] = Task.objects.filter(state=TaskState.PENDING, **place).count()
    return found


def is_among(text: str, values: list[Value]) -> bool:
    """Whether a figure is one of these values, or one that it may have had between two of them."""
    numbers = [value for value in values if isinstance(value, int)]
    if numbers:
        shown = read_number(text)
        return not shown or min(numbers) <= int(shown) <= max(numbers)
    # Each task that is done runs for a moment.
    return text in values or (text == TaskState.RUNNING.label and len(set(values)) > 1)
