"""The HTTP API: endpoints, pages of lists, problems, limits, and the server before Django.

Empty, so that a worker which needs one module of it does not load the framework.
"""
