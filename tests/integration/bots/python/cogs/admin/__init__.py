"""A package of extensions, itself none."""
