"""The names of task types and queues as people see them, with their descriptions: pages draw them
by the tags of `templatetags/descriptors.py`, and live messages carry them."""

from dataclasses import dataclass

from controlplane.core.visibletext import isolated_text, visible_name
from tasks_app.descriptors import Descriptor
from tasks_app.queries.declarations import TypeView
from tasks_app.typewords import find_badge


@dataclass(frozen=True, slots=True)
class Label:
    """A name. `about` is its description in one line, for a tooltip; `badge` are two or three words
    about its declarations, and `sentence` is what they mean. Each may be empty."""

    name: str
    about: str = ""
    badge: str = ""
    sentence: str = ""


def label_type(view: TypeView) -> Label:
    """A task type."""
    badge = find_badge(view)
    about = describe_in_line(view.descriptor)
    if badge is None:
        return Label(visible_name(view.name), about)
    return Label(visible_name(view.name), about, badge.words, badge.sentence)


def label_queue(name: str, descriptor: Descriptor) -> Label:
    """A queue."""
    return Label(visible_name(name), describe_in_line(descriptor))


def describe_in_line(descriptor: Descriptor) -> str:
    """Title, description and owner."""
    owner = f"Owner: {isolated_text(descriptor.owner)}" if descriptor.owner else ""
    parts = (isolated_text(descriptor.title), isolated_text(descriptor.description), owner)
    return ". ".join(part.rstrip(".") for part in parts if part)
