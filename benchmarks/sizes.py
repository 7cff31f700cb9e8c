"""How much each scenario does. Loads are bounded: every one of them ends by itself."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Sizes:
    """Numbers of tasks, by the class of system: Taskplane, bare Celery, Celery with results.

    The slower a system, the fewer tasks it gets, so that each measurement lasts about as long;
    what is compared are rates.
    """

    repeats: int
    drain: tuple[int, int, int]
    waits: tuple[int, int, int]
    single: int
    bulk: int
    bulk_call: int  # tasks in one call
    latency: int
    latency_gap_ms: float
    http: int
    http_connections: int
    warm_up: int
    narrow: int  # tasks of the wide step of a workflow
    wide: int
    settle_seconds: float  # between the end of the work and the reading of an idle worker's memory


FULL = Sizes(
    repeats=3,
    drain=(60_000, 3_000, 500),
    waits=(5_000, 3_000, 500),
    single=3_000,
    bulk=60_000,
    bulk_call=10_000,
    latency=300,
    latency_gap_ms=20,
    http=4_000,
    http_connections=16,
    warm_up=50,
    narrow=1_000,
    wide=10_000,
    settle_seconds=2,
)
QUICK = replace(
    FULL,
    repeats=1,
    drain=(40_000, 1_500, 250),
    waits=(5_000, 1_500, 250),
    single=1_500,
    bulk=30_000,
    http=2_000,
)
# Shows that a scenario works; its figures mean nothing.
TINY = replace(
    FULL,
    repeats=1,
    drain=(200, 20, 10),
    waits=(100, 20, 10),
    single=20,
    bulk=200,
    bulk_call=100,
    latency=10,
    http=40,
    http_connections=4,
    warm_up=5,
    narrow=10,
    wide=100,
    settle_seconds=0.2,
)
SIZES = {"full": FULL, "quick": QUICK, "tiny": TINY}
