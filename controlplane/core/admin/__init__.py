"""The parts of every admin page: base classes, forms, bulk actions, badges, tables. It does not
depend on any app. `controlplane.workspaces.adminaccess` decides about access.
"""
