"""The page of contracts: what this program says of its jobs, and which stored ones would fail in it."""
