"""The app of the admin, with the site of this project."""

from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class AdminConfig(DjangoAdminConfig):
    default_site = "controlplane.workspaces.adminsite.TaskplaneAdminSite"
