"""Paths of the stress tests API."""

from controlplane.core.paths import optional_slash_path as path
from controlplane.stress import views

urlpatterns = [
    path("system/stress-tests", views.StressTestsView.as_view()),
    path("system/stress-tests/<uuid:id>", views.StressTestView.as_view()),
    path("system/stress-tests/<uuid:id>/compare", views.StressTestCompareView.as_view()),
]
