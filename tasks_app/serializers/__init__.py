"""What apps that still have serializers of their own take from this one; `schema` has the rest."""

from tasks_app.serializers.tasks import represent_task

__all__ = ["represent_task"]
