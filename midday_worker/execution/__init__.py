"""Execution: what the worker calls with each job."""
