"""Jobs of a service whose only queue is worked elsewhere."""

from __future__ import annotations

from midday_worker import job

send_mail = job("send-mail", str, queue="emails")
