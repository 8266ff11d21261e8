"""Runs our playbooks in a process of their own, and tells what became of each host."""
