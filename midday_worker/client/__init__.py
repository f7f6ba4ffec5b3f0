"""Clients: they carry requests to the engine, with `await` or without."""
