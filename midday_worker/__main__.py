"""``python -m midday_worker``: the same as ``midday-worker``."""

from midday_worker.cli import main

if __name__ == "__main__":
    main()
