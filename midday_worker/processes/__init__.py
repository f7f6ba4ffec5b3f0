"""Processes that run the handlers of jobs with `executor="process"`, seen from the worker.

One child runs one call at a time, and what it says travels over a socket of its own: a child that crashes takes no
other job with it, which the pools of the standard library and those built on them can't promise, and one that has to
stop is killed. What runs in the child is `workers/job_process.py`.
"""
