"""The conditions that name a state, after all rows have the new ones."""

from django.db import migrations, models
from django.db.models import Q

_OPEN = Q(state__in=["ACTING", "WAITING", "TIMED_OUT"])


class Migration(migrations.Migration):
    dependencies = [("scaling", "0003_plain_names")]

    operations = [
        migrations.AddIndex(
            "scalingevent",
            models.Index(
                fields=["pool", "id"], name="event_changes", condition=~Q(state="UNCHANGED")
            ),
        ),
        migrations.AddIndex(
            "scalingevent",
            models.Index(fields=["at"], name="event_unchanged", condition=Q(state="UNCHANGED")),
        ),
        migrations.AddIndex(
            "scalingevent", models.Index(fields=["pool"], name="event_open", condition=_OPEN)
        ),
        migrations.AddConstraint(
            "scalingevent",
            models.CheckConstraint(
                name="event_finished_unless_open",
                condition=_OPEN | Q(finished_at__isnull=False),
            ),
        ),
    ]
