"""The columns of the list of tasks."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Column:
    """`sort` is the API's name of the order that its head sets. `css` hides it on narrow screens:
    `wide-screen` first, `optional` on phones."""

    key: str
    title: str
    sort: str = ""
    is_number: bool = False
    is_fixed: bool = False
    css: str = ""

    @property
    def always_shown(self) -> "Column":
        """The same on every screen."""
        kept = [each for each in self.css.split() if each not in ("optional", "wide-screen")]
        return replace(self, css=" ".join(kept))


_ALL = (
    Column("state", "State", is_fixed=True),
    Column("task", "Task", sort="name", is_fixed=True),
    Column("type", "Type", sort="type", css="optional"),
    Column("what", "What happened", css="optional main-cell"),
    Column("queue", "Queue", css="optional"),
    Column("attempts", "Attempts", is_number=True, css="optional wide-screen"),
    Column("priority", "Priority", sort="priority", is_number=True, css="optional wide-screen"),
    Column("tags", "Tags", css="optional wide-screen"),
    Column("id", "Id", css="optional wide-screen"),
    Column("submitter", "Submitted by", css="optional wide-screen"),
    Column("node", "Node", css="optional wide-screen"),
    Column("workspace", "Workspace", css="optional wide-screen"),
    Column("created", "Created", sort="createdAt", is_number=True),
    Column("started", "Started", is_number=True, css="optional"),
    Column("finished", "Finished", sort="finishedAt", is_number=True, css="optional"),
    Column("waited", "Waited", is_number=True, css="optional"),
    Column("ran", "Ran", sort="durationMs", is_number=True, css="optional"),
)
COLUMNS = {column.key: column for column in _ALL}
DEFAULT_COLUMNS = ("type", "what", "queue", "attempts", "node", "created", "waited", "ran")
CHOOSABLE = tuple(column for column in _ALL if not column.is_fixed)
