"""The web dashboard: bull-board's page, served from Python over this library's own engine.

>>> from midday_worker.dashboard import create_dashboard
>>> board = create_dashboard(["emails", "reports"], read_only=True)

`board` is a Starlette application: `app.mount("/admin/queues", board)` puts it into a FastAPI one. Needs the extra
`dashboard`.
"""

from midday_worker.dashboard.app import create_dashboard
from midday_worker.dashboard.security.access import Access, Authenticate, Role
from midday_worker.dashboard.shown.redaction import Redact, Shown

__all__ = ["Access", "Authenticate", "Redact", "Role", "Shown", "create_dashboard"]
