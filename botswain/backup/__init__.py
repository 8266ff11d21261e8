"""Backups of a PostgreSQL database, on the machine where it runs: dump, proof, catalogue, retention, copies, restore.

Shipped as one zipapp, `botswain-backup`, which also works by hand and without the controller. So it needs nothing but
the standard library, Python 3.9 and PostgreSQL's own client programs, and nothing else of Botswain.
"""
