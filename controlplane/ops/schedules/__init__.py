"""Schedules: work that starts by itself. The only importer of django-celery-beat."""
