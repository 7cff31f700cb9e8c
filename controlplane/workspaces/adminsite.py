"""The admin site: a ModelAdmin without rules of access is closed to all but superusers."""

from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin

from controlplane.workspaces.adminaccess import AdminAccess, SuperuserPages


class TaskplaneAdminSite(AdminSite):
    """Django's site, in which pages of other packages (users, groups, stored Celery results, beat's
    rows) belong to no workspace and are for superusers."""

    def get_urls(self) -> list[Any]:
        """Without `view_on_site`, which tells whether a row exists and leads nowhere."""
        return [each for each in super().get_urls() if getattr(each, "name", "") != "view_on_site"]

    def register(
        self, model_or_iterable: Any, admin_class: type[Any] | None = None, **options: Any
    ) -> None:
        """Register the pages; those without rules of access get those of `SuperuserPages`."""
        pages: Any = admin_class or ModelAdmin
        if not issubclass(pages, AdminAccess):
            pages = type(pages)(pages.__name__, (SuperuserPages, pages), {})
        super().register(model_or_iterable, pages, **options)
