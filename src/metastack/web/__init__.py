"""The lab in the browser: pages over the commands and the files of this toolkit.

Needs `metastack[lab]`. What takes time is a job: command lines as a user types them, in a process
and a folder of their own (`jobs`), so that a page tells the same numbers and sentences as the
command line does. What must be instant is asked of one process that stays warm (`hand`). The
server itself computes nothing.
"""
