"""Paths of the dead letters API."""

from controlplane.core.paths import optional_slash_path as path
from dlq import views

urlpatterns = [
    path("dlq/tasks", views.LettersView.as_view()),
    path("dlq/tasks/<uuid:id>", views.LetterView.as_view()),
    path("dlq/tasks/<uuid:id>/reprocess", views.LetterReprocessView.as_view()),
    path("dlq/tasks/<uuid:id>/discard", views.LetterDiscardView.as_view()),
    path("dlq/actions", views.LetterActionsView.as_view()),
    path("dlq/stats", views.LetterStatsView.as_view()),
    path("dlq/groups", views.LetterGroupsView.as_view()),
    path("dlq/replays", views.ReplaysView.as_view()),
    path("dlq/replays/<uuid:id>", views.ReplayView.as_view()),
    path("dlq/replays/<uuid:id>/cancel", views.ReplayCancelView.as_view()),
    path("dlq/replays/<uuid:id>/pause", views.ReplayPauseView.as_view()),
    path("dlq/replays/<uuid:id>/resume", views.ReplayResumeView.as_view()),
]
