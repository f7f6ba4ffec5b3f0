"""Dashboards that a type checker must refuse: each marked line, and no other. Never run."""

from __future__ import annotations

from midday_worker.dashboard import Access, create_dashboard

create_dashboard(auth=lambda request: "root")  # error: no such role
create_dashboard(auth="admin")  # error: not a function
create_dashboard(read_only="yes")  # error: not a bool
create_dashboard(redact=lambda: None)  # error: takes what is shown
create_dashboard(queue=["emails"])  # error: misspelt
create_dashboard(5)  # error: neither jobs nor names
Access("owner")  # error: no such role
