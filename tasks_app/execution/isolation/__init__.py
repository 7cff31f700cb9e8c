"""What a handler may leave behind in its process, and what the engine does about it.

Handlers of many authors run one after the other in one pool child, so whatever one of them changes
in the process meets the next. After every handler the guard looks at what it may have left, puts
back what can be put back, and writes a warning to the log of the task that left it. A child that
cannot be put back is replaced. The table of everything that is looked at, with what is done about
it, is in docs/handler-isolation.md; `tests/acceptance/test_isolation.py` tries each of its rows.

    connections    Django's database connections, of every thread and alias
    process_state  working directory, environment, limits, signals, patched functions ...
    forks          a forked child that returns into the engine
    executors      the threads that asyncio and asgiref run sync code in
    event_loop     the event loop that async handlers share
    guard          all of it, around one handler
"""
