"""What programs in a crontab are for, as far as a job's name depends on it."""

import re

INTERPRETER = re.compile(r"(?:python|php|ruby|perl|node|bash|dash|sh|zsh|ksh|java|deno|bun|lua)[0-9.]*")
SHELLS = frozenset((*("sh", "bash", "dash", "zsh", "ksh", "su"),))
"""Programs that may be given a command as text."""
ONLY_RUN = frozenset(
    (
        *("bundle", "sudo", "doas", "nice", "ionice", "nohup", "timeout", "flock", "env", "exec", "time", "setsid"),
        *("chronic", "cronic", "command", "stdbuf", "runuser", "chrt", "taskset", "systemd-cat", "cgexec", "if"),
        *("then", "else", "do", "!"),
    )
)
"""Programs and words that only say how to run another."""
WITH_VALUE = frozenset((*("-u", "-n", "-c", "-g", "-s", "-k", "-w", "-E", "-h", "-p"),))
"""Their options that take the next word as a value."""
ASIDE = frozenset(
    (
        *("cd", "test", "[", "[[", "set", "export", ".", "source", "echo", "printf", "true", "false", "sleep"),
        *("umask", "ulimit", "mkdir", "logger", "mail", "mailx", "tee", "grep", "egrep", "head", "tail", "sort"),
        *("uniq", "wc", "cat", "date", "trap", "exit", "fi", "done", "read", "eval", "xargs", "awk", "sed", "cut"),
        *("tr", "which", "type", "for", "while", "until", "case", "in", "bundle", "uname", "hostname", "expr"),
        *("pgrep", "pidof", "mountpoint", "hash"),
    )
)
"""Programs that are rarely the work itself."""
GENERIC = frozenset(
    (
        *("find", "rm", "cp", "mv", "rsync", "tar", "gzip", "scp", "touch", "chown", "chmod", "ln", "cat", "ls"),
        *("run-parts", "unzip", "zip", "cd"),
    )
)
"""Programs whose target says what the job does."""
FETCHERS = frozenset((*("curl", "wget", "http", "https", "lynx", "fetch"),))
"""Programs whose URL says it."""
GIVES_TEXT = frozenset((*("-c", "-ec", "-ic", "-lc", "-xc"),))
"""Options of a shell before the command."""
