"""The schedules that every installation has."""

from controlplane.ops.schedules.declarations import schedule

schedule("System health check", "*/5 * * * *", task_type="health-check")
schedule("Clean-up", "0 2 * * *", task_type="cleanup")
