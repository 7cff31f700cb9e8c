"""The sidebar's table: which page belongs to which entry, and what a person is shown."""

from controlplane.core.admin.navigation import (
    Entry,
    Page,
    entries,
    find_owner,
    find_permission,
    list_permissions,
    show_entries,
)


def owners(url_name: str) -> list[str]:
    return [entry.title for entry in entries() if find_owner(entry, url_name)]


def test_a_page_of_a_row_belongs_to_its_list() -> None:
    assert owners("tasks_app_task_change") == ["Tasks"]
    assert owners("dlq_deadletter_groups") == ["Dead letters"]
    assert owners("dlq_lettergroup_change") == ["Dead letters"]
    assert owners("dlq_replay_change") == ["Dead letters"]
    assert owners("workflows_workflow_execute") == ["Workflows"]
    assert owners("scaling_scalingevent_changelist") == ["Scaling"]
    assert owners("index") == ["Overview"]
    assert owners("records") == ["All records"]


def test_a_page_of_nobody_belongs_to_nobody() -> None:
    assert owners("password_change") == []
    assert owners("tasks_app_taskplan_change") == []
    assert owners("") == []


def test_the_page_of_a_row_needs_what_its_list_needs() -> None:
    assert find_permission("tasks_app_queue_change") == "tasks_app.view_queue"
    assert find_permission("dlq_lettergroup_changelist") == "dlq.view_deadletter"
    assert find_permission("records") == ""
    assert find_permission("scaling_pool_changelist") in list_permissions()
    assert "" not in list_permissions()


def test_the_exact_page_wins_over_its_family() -> None:
    pages = (Page("List", "app_thing_changelist"), Page("Other", "app_thing_other"))
    owner = find_owner(Entry("Things", "tasks", pages), "app_thing_other")
    assert owner is not None
    assert owner.title == "Other"


def test_keys_and_titles_are_given_once() -> None:
    keys = [entry.key for entry in entries() if entry.key]
    titles = [entry.title for entry in entries()]
    assert len(set(keys)) == len(keys)
    assert len(set(titles)) == len(titles)
    assert set("oqtwsfd") <= set(keys)


def test_an_entry_without_a_page_for_the_person_is_left_out() -> None:
    def find_url(page: Page) -> str | None:
        return f"/{page.url_name}" if page.url_name == "dlq_replay_changelist" else None

    shown = show_entries(entries(), "dlq_replay_change", find_url)
    assert [each.entry.title for each in shown] == ["Dead letters"]
    assert shown[0].url == "/dlq_replay_changelist"
    assert shown[0].is_current
    assert [page.is_current for page in shown[0].pages] == [True]
