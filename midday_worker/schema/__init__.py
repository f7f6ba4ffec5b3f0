"""Schemas: what a payload or a result may be, and how it travels."""
