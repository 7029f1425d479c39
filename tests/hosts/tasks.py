"""The application as Celery runs it."""

import os

from celery import Celery  # type: ignore[import-untyped]

from tests.hosts.application import look_up

app = Celery("hosts", broker=os.environ["BROKER_URL"], backend=os.environ["BROKER_URL"])
greet = app.task(look_up)
