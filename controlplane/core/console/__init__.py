"""The command line: the base of every command, its options, and terminal output. `command` and
`options` do not import rich, so a long-running process does not pay for it.
"""
