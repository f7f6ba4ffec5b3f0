"""Producing: adding jobs, flows and schedules."""
