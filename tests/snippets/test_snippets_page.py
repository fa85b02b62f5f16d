"""The page as a whole: no block without a test, no place without what is told and what is not."""

import re

from snippets import ADDRESS, KEY, PAGE, ROOT, blocks

from heartbeat.config import read

RUN = [
    "sh",
    "yaml",
    "crontab: crontab",
    "systemd timer: ini",
    "systemd timer: ini",
    "systemd timer: ini",
    "Windows Task Scheduler: powershell",
    "Windows Task Scheduler: powershell",
    "Django: python",
    "Celery: python",
    "APScheduler: python",
    "Airflow: python",
    "Rails: ruby",
    "Rails: ruby",
    "whenever: ruby",
    "ActiveJob: ruby",
    "Laravel: php",
    "CakePHP: php",
    "AWS Lambda: python",
    "ECS scheduled task: json",
    "ECS scheduled task: json",
    "Kubernetes CronJob: yaml",
    "GitHub Actions: yaml",
]
"""Every block that a test takes from the page. Whoever adds one adds its test too."""
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def test_every_block_has_its_test():
    assert [f"{one.heading}: {one.language}".removeprefix(": ") for one in blocks()] == RUN
    assert PAGE.count("```") == 2 * len(RUN)


def test_every_section_says_what_is_told_and_what_is_not():
    assert [name for name, text in SECTIONS.items() if not re.search(r"\b[Tt]ells?\b", text)] == []
    assert [name for name, text in SECTIONS.items() if not re.search(r"Not\s+told:\s", text)] == []


def test_the_list_of_sections_leads_to_each_of_them():
    anchors = re.findall(r"\]\(#(\S+)\)", PAGE)
    assert sorted(anchors) == sorted(name.lower().replace(" ", "-") for name in SECTIONS)


def test_links_and_copied_files_are_there():
    links = {one for one in re.findall(r"\]\(([^#)\s]+)\)", PAGE) if "://" not in one}
    assert [one for one in links if not (ROOT / "docs" / one).exists()] == []
    copied = re.findall(r"^\| \w+ \| `(\S+)` \|", PAGE, re.MULTILINE)
    assert len(copied) == 4
    assert [one for one in copied if not (ROOT / one).exists()] == []


def test_the_two_variables_and_the_jobs():
    variables, jobs = blocks()[:2]
    assert variables.text == f"HEARTBEAT_URL={ADDRESS}\nHEARTBEAT_PING_KEY={KEY}\n"
    config = read(jobs.text)
    assert [job.slug for job in config.jobs] == ["daily-report", "backup"]
    assert config.warnings == ()
