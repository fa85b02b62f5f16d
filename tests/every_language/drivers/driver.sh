# Calls the shell client as a list of calls says: `driver.sh CALLS RESULTS` (JSON; the file to write to).
# A shell reads no JSON: calls.py makes a line of each call, to be run under the settings that hurt most.
# HEARTBEAT_RAISE tells by the status whether something was delivered; the job's own does not see it.

set -eu
. "$(dirname "$0")/../../../clients/shell/heartbeat.sh"

delivered() {
    if HEARTBEAT_RAISE=1 "$@"; then results="${results}true, "; else results="${results}false, "; fi
}

results=
eval "$("$DRIVER_PYTHON" -S "$(dirname "$0")/calls.py" "$1" "$2.body")"
printf '[%s]' "${results%, }" >"$2"
