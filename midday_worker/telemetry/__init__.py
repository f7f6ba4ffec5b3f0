"""Telemetry: metrics and traces."""
