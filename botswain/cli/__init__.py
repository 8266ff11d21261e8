"""Invoke tasks by topic, and what they show. No decisions are made here."""
