"""How the pages say things."""

from django.utils.html import format_html

from controlplane.schedules.models import Firing

_MINUTE_MS, _HOUR_MS = 60_000, 3_600_000


def badge(firing: Firing | None) -> str:
    """The state as words in a coloured frame; the words say all, the colour repeats it."""
    if firing is None:
        return "-"
    words = firing.get_state_display()
    if firing.skip_reason:
        words = f"{words}: {firing.skip_reason.replace('_', ' ').lower()}"
    return format_html('<span class="hue-badge sch-{}">{}</span>', firing.state, words)


def figure(text: str) -> str:
    """A number that is not broken into two lines."""
    return format_html('<span class="sch-number">{}</span>', text)


def late(firing: Firing) -> str:
    """How late the decision came."""
    return "-" if firing.late_ms is None else duration(firing.late_ms)


def duration(milliseconds: float) -> str:
    """In the unit that suits: `40 ms`, `2.5 s`, `12 min`, `3.0 h`."""
    if milliseconds < 1_000:
        return f"{milliseconds:.0f} ms"
    if milliseconds < _MINUTE_MS:
        return f"{milliseconds / 1_000:.1f} s"
    if milliseconds < _HOUR_MS:
        return f"{milliseconds / _MINUTE_MS:.0f} min"
    return f"{milliseconds / _HOUR_MS:.1f} h"
