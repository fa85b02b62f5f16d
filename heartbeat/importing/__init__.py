"""From what a machine already runs to a jobs.yaml: crontabs and systemd timers, text in, text out.

Facts about cron were tested with Debian's cron 3.0pl1-162; those about CRON_TZ are from cronie's crontab(5).
"""
