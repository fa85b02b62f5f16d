"""The snippet's scheduler in a hurry: its job every 0.4 seconds, and another one whose time was an hour ago."""

from datetime import UTC, datetime, timedelta

from schedule import scheduler

scheduler.reschedule_job("daily-report", trigger="interval", seconds=0.4)
ago = datetime.now(UTC) - timedelta(hours=1)
scheduler.add_job(print, "date", run_date=ago, id="backup", misfire_grace_time=1)
scheduler.start()
