"""The pages of saved views, and the bar above every list."""

from controlplane.ops.savedviews.admin.pages import SavedViewAdmin

__all__ = ["SavedViewAdmin"]
