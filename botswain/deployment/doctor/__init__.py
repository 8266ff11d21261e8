"""`doctor`: looks at everything that may be wrong before a deployment, and changes nothing.

Looks are independent: one that needs what another could not have is `cannot tell`, and the rest go on.
"""
