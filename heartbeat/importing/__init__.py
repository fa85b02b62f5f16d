"""From what a machine runs already to a jobs.yaml: crontabs and systemd timers, text in, text out.

Facts about cron were tried with Debian's cron 3.0pl1-162; those about CRON_TZ stand in cronie's crontab(5).
"""
