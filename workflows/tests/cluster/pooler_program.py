"""Where PgBouncer is installed, and what is said where it is not."""

import shutil

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
MISSING = (
    "PGBOUNCER IS NOT INSTALLED: clusters behind a pooler were not tested "
    "(Debian: apt install pgbouncer)."
)
