"""Other job libraries. Each runs in an environment of its own, with nothing of this project's but `program.py`."""
