"""What happened: release 4.12.0 sent charge-card to a gateway that does not answer. Every number of
the demo comes from here, so that the pages agree with each other."""

from dataclasses import dataclass
from datetime import datetime, timedelta

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

RELEASE = 39 * MINUTE  # before now
INCIDENT = 36 * MINUTE
LOSS = 15 * MINUTE
RELEASES = ("4.11.3", "4.12.0")
DISCARDED = 9 * MINUTE
DISCARDED_BECAUSE = "The merchant has closed its account."
PAUSED_BECAUSE = "bucket is being moved"
SLOTS = 16
# The descriptions of two queues.
DESCRIBED = {
    "billing": {
        "title": "Payments",
        "description": "What moves money: each task is paid for once.",
        "owner": "payments team",
        "runbook": "https://runbooks.example/billing",
    },
    "email": {"title": "Mail to customers", "owner": "messaging team"},
}


@dataclass(frozen=True)
class Lane:
    """A queue with the one type that fills it. `oldest`: how long its first waiting task has
    waited; `before`: what waited an hour ago."""

    queue: str
    type: str
    name: str  # of a task, with a number
    waiting: int
    running: int
    oldest: timedelta
    before: int
    per_minute: int  # tasks that complete
    run_ms: float
    failures: int  # tasks that failed for good in the last hour
    error: tuple[str, str, str] = ("", "", "")  # class, message, category
    max_running: int | None = None
    retrying: int = 0
    retried: float = 0.006  # the share of attempts that usually fail and are retried
    submitter: str = "key:checkout-api"


@dataclass(frozen=True)
class World:
    """A workspace. `letters`: open ones an hour ago; `resolved`: those of them that were resolved
    since."""

    slug: str
    name: str
    lanes: tuple[Lane, ...]
    letters: int = 0
    resolved: int = 0
    has_incident: bool = False


GATEWAY = ("GatewayTimeout", "no answer from eu-1 within 30 s", "TIMEOUT")
BILLING = Lane(
    "billing", "charge-card", "Charge order 48{:03d}", 912, 24, timedelta(minutes=6, seconds=12),
    31, 50, 1_200, 598, GATEWAY, max_running=24, retrying=143,
)  # fmt: skip
REPORTS = Lane(
    "reports", "render-report", "Monthly report NL-{:03d}", 37, 8, timedelta(seconds=14), 28, 18,
    24_000, 12, ("MemoryLimitExceeded", "1.5 GiB used, 1.5 GiB allowed", "RESOURCE"), retrying=9,
    retried=0.05, submitter="user:jonas.weber",
)  # fmt: skip
EMAIL = Lane(
    "email", "send-email", "Receipt for order 48{:03d}", 214, 31, timedelta(seconds=9.4), 190,
    1_090, 1_650, 8, ("SMTPServerDisconnected", "connection unexpectedly closed", "NETWORK"),
    retrying=21,
)  # fmt: skip
DEFAULT = Lane(
    "default", "data-processing", "Normalise batch {:03d}", 118, 27, timedelta(seconds=1.8), 102,
    876, 1_800, 0, submitter="system:schedule sync-crm",
)  # fmt: skip
WEBHOOKS = Lane(
    "webhooks", "http-webhook", "Notify merchant 7{:03d}", 3, 6, timedelta(seconds=0.42), 5, 444,
    800, 31, ("HTTPStatusError", "410 Gone from hooks.kestrel.example", "DEPENDENCY"), retrying=13,
    submitter="key:merchant-portal",
)  # fmt: skip
MEDIA = Lane(
    "media", "transcode-video", "Transcode clip {:03d}", 46, 0, timedelta(hours=2), 24, 0, 0, 0,
    submitter="user:mira.okafor",
)  # fmt: skip

PAYMENTS = World(
    "payments-eu",
    "Payments EU",
    (BILLING, REPORTS, EMAIL, DEFAULT, WEBHOOKS, MEDIA),
    letters=74,
    resolved=35,
    has_incident=True,
)
STUDIO = World(
    "studio",
    "Studio",
    (
        Lane(
            "thumbnails", "resize-image", "Resize image {:03d}", 12, 5, timedelta(seconds=3), 9,
            120, 900, 2, ("UnidentifiedImageError", "cannot identify image file", "CODE"),
        ),
        Lane("uploads", "scan-upload", "Scan upload {:03d}", 0, 2, timedelta(), 0, 40, 350, 0),
    ),
    letters=6,
)  # fmt: skip
WORLDS = (PAYMENTS, STUDIO)

# Busy slots of the nodes: together all that run.
NODES = {
    "fra-01": 14, "fra-02": 14, "fra-03": 13, "fra-04": 13, "fra-06": 12, "fra-07": 14,
    "fra-08": 13, "fra-09": 10,
}  # fmt: skip
LOST = "fra-05"
LOST_TASKS = 14


def share(at: datetime, now: datetime) -> float:
    """How far the incident had come: 0 before it, 1 now."""
    return max(0.0, min(1.0, 1 - (now - at) / INCIDENT))
