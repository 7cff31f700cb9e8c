"""Parts of the settings, one file per concern."""
