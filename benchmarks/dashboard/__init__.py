"""The pages of the dashboard over a long history."""
