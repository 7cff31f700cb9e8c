"""The app of the admin, with the site of this project."""

from django.contrib.admin.apps import SimpleAdminConfig


class AdminConfig(SimpleAdminConfig):
    """Its pages are imported with the URLs, and not by every command."""

    default_site = "controlplane.workspaces.adminaccess.TaskplaneAdminSite"
