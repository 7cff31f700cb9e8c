"""The command line: the base of every command, its options, and what is drawn on a terminal.

`command` and `options` import nothing that draws, so a long-running process does not pay for it.
"""
