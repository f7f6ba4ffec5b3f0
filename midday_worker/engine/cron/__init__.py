"""Cron: when a pattern fires, as Node computes it."""
