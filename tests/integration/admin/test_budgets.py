"""The number of statements of every page of the site has a bound, whatever the number of rows. A
page without a bound fails: add a line to BOUNDS."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from benchmarks.dashboard.addresses import Address, list_addresses, list_names
from benchmarks.dashboard.kinds import FILTERS
from benchmarks.dashboard.statements import counted_statements
from controlplane.core.schema.filters import conditions
from tasks_app.filters import TaskFilter
from tests.exportfiles import content_of
from tests.integration.admin.crowd import add_rows

pytestmark = pytest.mark.django_db
FEW, MANY = 3, 30
# The statements of the page that takes most, by the name of its URL, as they were counted. One of a
# list is for its saved views; one of the audit log for each kind of object on the page.
BOUNDS = {
    "auth_group_change": 7,
    "auth_group_changelist": 7,
    "auth_user_change": 8,
    "auth_user_changelist": 8,
    "auth_user_password_change": 6,
    "django_celery_beat_clockedschedule_change": 7,
    "django_celery_beat_clockedschedule_changelist": 7,
    "django_celery_beat_crontabschedule_change": 7,
    "django_celery_beat_crontabschedule_changelist": 7,
    "django_celery_beat_intervalschedule_change": 8,
    "django_celery_beat_intervalschedule_changelist": 7,
    "django_celery_beat_periodictask_change": 8,
    "django_celery_beat_periodictask_changelist": 8,
    "django_celery_beat_solarschedule_change": 7,
    "django_celery_beat_solarschedule_changelist": 7,
    "django_celery_results_groupresult_change": 6,
    "django_celery_results_groupresult_changelist": 7,
    "django_celery_results_taskresult_change": 6,
    "django_celery_results_taskresult_changelist": 11,
    "dlq_deadletter_change": 17,
    "dlq_deadletter_changelist": 14,  # two read what is declared of the types
    "dlq_deadletter_discard": 6,
    "dlq_deadletter_export": 13,
    "dlq_deadletter_reprocess": 7,
    "dlq_lettergroup_change": 28,
    "dlq_lettergroup_changelist": 35,
    "dlq_lettergroup_changes": 8,
    "dlq_lettergroup_discard": 11,
    "dlq_lettergroup_export": 7,
    "dlq_lettergroup_mute": 9,
    "dlq_lettergroup_reprocess": 12,
    "dlq_replay_change": 11,
    "dlq_replay_changelist": 8,
    "dlq_replay_export": 9,
    "index": 34,  # one statement more once a row has waited for a minute, longer than its objective
    "operations_operation_change": 10,
    "operations_operation_changelist": 7,
    "operations_operation_export": 7,
    "operations_operation_items_export": 8,
    "operations_operation_new": 11,
    "password_change": 5,
    "performance": 24,  # up to four look for the newest attempts, in ever longer spans
    "performance_export": 9,
    "records": 5,
    "scaling_pool_changelist": 19,
    "scaling_scalingevent_change": 10,
    "savedviews_savedview_change": 6,
    "savedviews_savedview_changelist": 10,
    "savedviews_savedview_save": 5,
    "scaling_scalingevent_changelist": 12,
    "scaling_scalingevent_export": 12,
    "schedules_firing_change": 10,
    "schedules_firing_changelist": 11,
    "schedules_firing_export": 11,
    "schedules_schedule_change": 16,
    "schedules_schedule_changelist": 10,
    "schedules_schedule_export": 11,
    "settings_keys": 6,
    "settings_members": 6,
    "settings_product": 6,
    "settings_queues": 8,
    "settings_retention": 7,
    "settings_scaling": 7,
    "stress_stresstest_change": 10,
    "stress_stresstest_changelist": 8,
    "stress_stresstest_compare": 8,
    "stress_stresstest_export": 9,
    "stress_stresstest_start": 5,
    "tasks_app_idempotencykey_change": 8,
    "tasks_app_idempotencykey_changelist": 7,
    "tasks_app_leader_change": 8,
    "tasks_app_leader_changelist": 7,
    "tasks_app_queue_cancel": 10,
    "tasks_app_queue_change": 34,
    "tasks_app_queue_changelist": 15,
    "tasks_app_queue_export": 7,
    "tasks_app_task_act": 7,
    "tasks_app_task_change": 22,
    "tasks_app_task_changelist": 22,
    "tasks_app_task_changes": 15,
    "tasks_app_task_export": 7,
    "tasks_app_task_family": 11,
    "tasks_app_task_list_changes": 8,
    "tasks_app_task_logs": 8,
    "tasks_app_task_submit": 7,
    "tasks_app_typedeclaration_change": 11,
    "tasks_app_typedeclaration_changelist": 12,
    "tasks_app_typedeclaration_export": 12,
    "tasks_app_typedeclaration_of": 11,
    "workers_node_change": 20,
    "workers_node_changelist": 16,
    "workers_node_drain": 6,
    "workers_node_export": 7,
    "workflows_workflow_change": 14,
    "workflows_workflow_changelist": 9,
    "workflows_workflow_execute": 7,
    "workflows_workflow_export": 10,
    "workflows_workflowrun_change": 16,
    "workflows_workflowrun_changelist": 10,
    "workflows_workflowrun_export": 11,
    "workflows_workflowrun_rerun": 7,
    "workspaces_apikey_change": 8,
    "workspaces_apikey_changelist": 11,
    "workspaces_apikey_export": 12,
    "workspaces_auditevent_change": 19,
    "workspaces_auditevent_changelist": 25,
    "workspaces_auditevent_export": 7,
    "workspaces_auditevent_newer": 4,
    "workspaces_membership_change": 9,
    "workspaces_membership_changelist": 11,
    "workspaces_membership_export": 12,
    "workspaces_workspace_change": 7,
    "workspaces_workspace_changelist": 10,
}
# Forms and histories are Django's own: by the end of their names.
FORMS = {"add": 8, "delete": 12, "history": 10}
# Names of URLs that are no pages: most take a POST.
NO_PAGES = {
    "app_list",  # a part of All records
    "autocomplete",
    "dlq_deadletter_groups",  # leads to the inbox
    "dlq_lettergroup_decide",
    "dlq_replay_cancel",
    "dlq_replay_pause",
    "dlq_replay_resume",
    "jsi18n",
    "login",
    "logout",
    "operations_operation_cancel",
    "operations_operation_pause",
    "operations_operation_resume",
    "password_change_done",
    "savedviews_savedview_keep",
    "savedviews_savedview_remove",
    "scaling_pool_change",  # leads to the list
    "scaling_pool_configure",
    "scaling_pool_release",
    "scaling_pool_scale",
    "settings_key_revoke",
    "settings_member_remove",
    "settings_member_role",
    "stress_stresstest_stop",
    "tasks_app_queue_describe",
    "tasks_app_queue_pause",
    "tasks_app_queue_resume",
    "undo",
    "workflows_workflowrun_cancel",
    "workflows_workflowrun_decide",
    "workflows_workflowrun_retry",
}


def bound_of(name: str) -> int | None:
    return BOUNDS.get(name, FORMS.get(name.rpartition("_")[2]))


def count_all(client: Client, addresses: list[Address]) -> dict[str, int]:
    """The statements of each page, by its title."""
    client.get("/admin/")  # fills caches of the process
    found = {}
    for each in addresses:
        with counted_statements() as statements:
            answer = client.get(each.url)
        if answer.streaming:
            content_of(answer)  # a file whose further statements depend on the size of its rows
        assert answer.status_code == 200, (each, answer.status_code)
        found[each.title] = len(statements)
    return found


def test_every_url_of_the_site_is_a_page_with_a_bound_or_no_page() -> None:
    add_rows(FEW)
    root = get_user_model().objects.create_superuser("root")
    pages = {each.name for each in list_addresses(root)}
    # Forms that nobody may use here: nothing is added, deleted or changed by hand.
    refused = {name for name in list_names() - pages if name.rpartition("_")[2] in FORMS}
    assert list_names() - pages - refused == NO_PAGES
    assert {name for name in pages if bound_of(name) is None} == set()
    assert set(BOUNDS) - pages == set()


def test_every_filter_of_the_list_of_tasks_is_among_the_pages() -> None:
    assert set(FILTERS) == set(conditions(TaskFilter))


@pytest.mark.nightly
def test_the_number_of_statements_does_not_depend_on_the_number_of_rows() -> None:
    root = get_user_model().objects.create_superuser("root")
    client = Client()
    client.force_login(root)
    add_rows(FEW)
    few = count_all(client, [each for each in list_addresses(root) if not each.is_view])
    add_rows(MANY)
    addresses = list_addresses(root)
    many = count_all(client, addresses)
    assert {each.title for each in addresses} >= set(few)
    beyond = {
        each.url: (few.get(each.title), many[each.title], bound_of(each.name))
        for each in addresses
        if max(few.get(each.title, 0), many[each.title]) > (bound_of(each.name) or 0)
    }
    assert beyond == {}
