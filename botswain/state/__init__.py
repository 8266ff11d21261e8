"""Where an environment's manifest, history, journal, audit log and lock are kept."""
