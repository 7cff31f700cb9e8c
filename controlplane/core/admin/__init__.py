"""What every page of the admin is built from: base classes, forms, bulk actions, badges, tables.

It knows no app. Who may see and do what is decided in `controlplane.workspaces.adminaccess`.
"""
