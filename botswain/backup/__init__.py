"""Backups of a PostgreSQL database, on the machine that makes them: dump, proof, catalogue, retention, copies, restore.

Shipped as one zipapp, `botswain-backup`, which also works by hand and without the controller. So it needs nothing but
the standard library, Python 3.9 and PostgreSQL's own client programs, and nothing else of Botswain. What the controller
does with it, here and on a host, is in botswain.database.

    __main__, commands     the command line; documents, lines: what it tells scripts and people
    taking                 one backup, from the dump to what is told of it; dumping: its files, and their proof
    catalogue, folder      what there is, and where it lies; retention: which of it may go
    keeping, places        copies in second places; removal
    checking               verify, accept, prune
    restoring              a backup into a database
    session, programs      psql, and the other programs; tools: which version of them; server: where the database is
    settings, errors       what it is told, and what can go wrong
"""
