"""Isolation of handlers: what they may leave behind in their process, and how the engine restores
it.

Handlers of many authors run one after the other in one pool child, so a change that one of them
makes in the process affects the next. After every handler the guard checks what it may have left,
restores what it can, and writes a warning to the log of the task. A child that cannot be restored
is replaced. The table of all checks and reactions is in docs/handler-isolation.md;
`tests/acceptance/test_isolation.py` tries each of its rows.

    connections    Django's database connections, of every thread and alias
    process_state  working directory, environment, limits, signals, patched functions ...
    forks          a forked child that returns into the engine
    executors      the threads that asyncio and asgiref run sync code in
    event_loop     the event loop that async handlers share
    guard          all of it, around one handler
"""
