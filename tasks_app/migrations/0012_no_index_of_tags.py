"""The table of tags replaces the index of the column."""

from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("tasks_app", "0011_copy_tags")]
    operations = [RemoveIndexConcurrently("task", "task_tags")]
