"""Schedules: work that starts by itself. The only package that imports django-celery-beat."""
