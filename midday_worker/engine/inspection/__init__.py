"""Inspection: what a Redis holds, and who works on it."""
