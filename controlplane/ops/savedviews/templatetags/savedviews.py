"""The tag that shows the views of a list above it."""

from typing import Any

from django import template

from controlplane.ops.savedviews.admin.bar import describe_bar

register = template.Library()


@register.inclusion_tag("savedviews/bar.html", takes_context=True)
def saved_views(context: Any) -> dict[str, Any]:
    """The shipped and saved views of the list whose page this is; nothing on other pages."""
    request = context["request"]
    return {
        "bar": None if context.get("is_popup") else describe_bar(request),
        "is_second": bool(context["frame"].tabs),
        "csrf_token": context.get("csrf_token"),
    }
