"""The audit log: every intent to change something and its outcome, each record sealed with the one before.

A record is one line of canonical JSON: keys sorted, no spaces, text in NFC, whole numbers within 2^53 only;
what JSON cannot say so is written as text. `hash` is SHA-256 over the record without `hash`; `prev` is the
hash before. So an edit, a missing or a moved record shows by itself. That the end was cut off, or that
everything was written anew, shows only against an anchor `(log_id, n, head)` that was kept elsewhere, under
other credentials.

Nothing can be scrubbed from such a log: text is redacted before it is sealed.
"""
