"""Metrics: counted in plain numbers where jobs run, and written in Prometheus's form where they are asked for.

Only `exposition` imports prometheus-client (extra `metrics`); whoever counts needs nothing but this package.
"""
