"""What the clusters of these tests run with. The lab says the rest in LAB."""

import json
import os
from pathlib import Path

from toolsite.tests.settings import *  # noqa: F403
from toolsite.tests.settings import (
    DATABASES,
    INSTALLED_APPS as SITE_APPS,
    Q_CLUSTER as SITE_CLUSTER,
)

LAB = json.loads(os.environ["LAB"])
LAB_FOLDER = Path(LAB["folder"])
LAB_CRASHES: bool = LAB["crashes"]
LAB_RELEASE: str | None = LAB["release"]

INSTALLED_APPS = [*SITE_APPS, "workflows.tests.cluster"]
WORKFLOWS = LAB["workflows"]
if "direct" in DATABASES:  # behind a pooler (bouncer.py)
    WORKFLOWS["direct_database"] = "direct"
Q_CLUSTER = {**SITE_CLUSTER, "guard_cycle": LAB["guard_cycle"]}
