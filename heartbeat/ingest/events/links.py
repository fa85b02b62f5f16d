"""Where in the AWS console an ECS task's log is. Pure.

Sources: ECS developer guide, "Send Amazon ECS logs to CloudWatch" (a stream of awslogs is `prefix/container/task id`);
the console's own addresses, where names after `#` are %-encoded twice, with `$` for `%`; AWS general reference,
"AWS Management Console endpoints" (hosts of the partitions).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from heartbeat.model import LogGroup

CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
"""By partition; nobody outside the other partitions can reach their consoles."""
_TASK = re.compile(
    r"arn:(?P<partition>[a-z-]+):ecs:(?P<region>[a-z0-9-]+):[0-9]*:task/(?:(?P<cluster>[\w-]+)/)?(?P<task>[\w-]+)",
    re.ASCII,
)


def task_log(task_arn: str, cluster_arn: str, container: str, log: LogGroup | None) -> str:
    """The address of the container's log stream, or, without `log`, of the task's logs in ECS; "" if none."""
    found = _TASK.fullmatch(task_arn)
    host = CONSOLES.get(found["partition"]) if found else None
    if found is None or host is None:
        return ""
    region, task = found["region"], found["task"]
    console = f"https://{region}.{host}"
    if log is not None and container:
        group, stream = _twice(log.group), _twice(f"{log.prefix}/{container}/{task}")
        place = f"#logsV2:log-groups/log-group/{group}/log-events/{stream}"
        return f"{console}/cloudwatch/home?region={region}{place}"
    cluster = quote(found["cluster"] or cluster_arn.rpartition("/")[2], safe="")
    return f"{console}/ecs/v2/clusters/{cluster}/tasks/{task}/logs?region={region}" if cluster else ""


def _twice(name: str) -> str:
    return quote(quote(name, safe=""), safe="").replace("%", "$")
