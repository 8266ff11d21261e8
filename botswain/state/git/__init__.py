"""`state: git`: an environment's records as commits on a ref of its own, shared by every clone."""
