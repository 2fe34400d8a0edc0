"""The subcommands of `rescore`, one file each: its arguments, the files that it reads and writes, and the call between.

Libraries are imported inside the functions, so that no subcommand waits for those of another.
"""
