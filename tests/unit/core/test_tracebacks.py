"""Tracebacks in parts."""

from hypothesis import given
from hypothesis import strategies as st

from controlplane.core.tracebacks import split_traceback

TRACEBACK = """\
Traceback (most recent call last):
  File "/srv/app/tasks_app/execution/async_runner.py", line 214, in run_handler
    result = await handler(ctx, payload)
             ^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/usr/lib/python3.11/asyncio/tasks.py", line 489, in wait_for
    return fut.result()
  File "/srv/app/payments/charge.py", line 88, in charge_card
    receipt = gateway.charge(order.id)
payments.errors.GatewayTimeout: no answer
within 30 s

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/.venv/lib/python3.11/site-packages/x.py", line 1, in y
ValueError: bad
"""


def test_own_frames_differ_from_foreign_ones() -> None:
    parts = split_traceback(TRACEBACK)
    frames = [part for part in parts if part.is_frame]
    assert [part.is_foreign for part in frames] == [True, True, False, True]
    assert "charge_card" in frames[2].text
    assert "^^^" in frames[0].text
    plain = [part.text for part in parts if not part.is_frame]
    assert plain[1].startswith("payments.errors.GatewayTimeout: no answer\nwithin 30 s")


@given(st.text('File "x", line 1\n\t ^|+') | st.text())
def test_no_line_is_lost(text: str) -> None:
    assert "\n".join(part.text for part in split_traceback(text)) == text.rstrip("\n")
