"""JSON of dead letters and replays, in and out."""

from dlq.serializers.letters import (
    LetterDetailSerializer,
    LetterSerializer,
    represent_letter,
    represent_letter_detail,
)
from dlq.serializers.replays import (
    ReplayDetailSerializer,
    ReplaySerializer,
    ReplayStartedSerializer,
    represent_replay,
)
from dlq.serializers.requests import (
    DiscardRequestSerializer,
    LetterActionRequestSerializer,
    LetterActionResultSerializer,
    ReprocessRequestSerializer,
)
from dlq.serializers.stats import GroupSerializer, LetterStatsSerializer

__all__ = [
    "DiscardRequestSerializer",
    "GroupSerializer",
    "LetterActionRequestSerializer",
    "LetterActionResultSerializer",
    "LetterDetailSerializer",
    "LetterSerializer",
    "LetterStatsSerializer",
    "ReplayDetailSerializer",
    "ReplaySerializer",
    "ReplayStartedSerializer",
    "ReprocessRequestSerializer",
    "represent_letter",
    "represent_letter_detail",
    "represent_replay",
]
