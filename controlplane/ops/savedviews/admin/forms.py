"""The forms of saved views."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms

from controlplane.core.admin.forms import ServiceForm
from controlplane.ops.savedviews.content import MAX_ADDRESS
from controlplane.ops.savedviews.editing import Changes
from controlplane.ops.savedviews.models import MAX_NAME, SavedView


class ViewForm(ServiceForm):
    """Name, and who sees it where."""

    api_fields: ClassVar[Mapping[str, str]] = {"isShared": "is_shared", "isPinned": "is_pinned"}

    name = forms.CharField(max_length=MAX_NAME)
    is_shared = forms.BooleanField(
        required=False,
        label="Share with the workspace",
        help_text="Everybody in the workspace sees it; operators can change it.",
    )
    is_pinned = forms.BooleanField(
        required=False,
        label="Pin beside the list",
        help_text="Otherwise it is under “More views”.",
    )

    def __init__(self, data: Any, *, may_share: bool, initial: Mapping[str, Any]) -> None:
        super().__init__(data, initial=dict(initial))
        if not may_share:
            del self.fields["is_shared"]


class SaveForm(ViewForm):
    """A new view of what an address shows."""

    list = forms.CharField(widget=forms.HiddenInput)
    address = forms.CharField(
        widget=forms.HiddenInput, required=False, max_length=MAX_ADDRESS, strip=False
    )
    workspace = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self, data: Any, *, list_name: str, address: str, may_share: bool, workspace: str
    ) -> None:
        initial = {"list": list_name, "address": address, "workspace": workspace}
        super().__init__(data, may_share=may_share, initial=initial)


class EditForm(ViewForm):
    """Changes of a view; `version` is the one that the person has seen."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1)

    def __init__(self, data: Any, *, view: SavedView, may_share: bool) -> None:
        initial = {
            "name": view.name,
            "is_shared": view.is_shared,
            "is_pinned": view.is_pinned,
            "version": view.version,
        }
        super().__init__(data, may_share=may_share, initial=initial)

    @property
    def changes(self) -> Changes:
        """What the form asks for."""
        values = self.cleaned_data
        return Changes(
            name=values["name"],
            is_shared=values.get("is_shared"),
            is_pinned=values["is_pinned"],
        )
