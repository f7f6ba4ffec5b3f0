"""The outbox: jobs that are written with a database's transaction, and added to Redis once it has committed."""
