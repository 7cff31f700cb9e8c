"""The pages of django-celery-results: of plain Celery tasks, for superusers. There may be millions
of rows, so only an index orders and finds them."""

from typing import Any, ClassVar

from django.contrib import admin
from django_celery_results.admin import TaskResultAdmin
from django_celery_results.models import TaskResult

from controlplane.workspaces.adminaccess import SuperuserPages


class ResultPages(SuperuserPages, TaskResultAdmin):
    """What Celery tasks returned."""

    sortable_by: ClassVar[list[Any]] = ["date_done"]
    search_fields: ClassVar[list[Any]] = ["task_id__exact", "task_name__exact"]
    search_help_text = "A whole task ID or name."


admin.site.unregister(TaskResult)
admin.site.register(TaskResult, ResultPages)
