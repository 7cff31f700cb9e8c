"""The settings of the installation and of a workspace, on pages of their own."""
