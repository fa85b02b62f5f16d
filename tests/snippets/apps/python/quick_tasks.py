"""The snippet's tasks, on a broker that is a folder, with beat in a hurry."""

from pathlib import Path

import tasks
from tasks import app

FOLDER = Path(__file__).parent / "queue"
FOLDER.mkdir(exist_ok=True)
app.conf.update(
    broker_url="filesystem://",
    broker_transport_options={"data_folder_in": str(FOLDER), "data_folder_out": str(FOLDER), "polling_interval": 0.05},
    broker_connection_retry_on_startup=True,
    worker_enable_remote_control=False,
)
app.conf.beat_schedule["daily-report"]["schedule"] = 0.5
tasks.daily_report.default_retry_delay = 0
