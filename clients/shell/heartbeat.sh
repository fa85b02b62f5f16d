#!/bin/sh
# Tells Heartbeat what a job did, and never breaks the job. One file for sh, dash and bash, with curl (or GNU wget): copy it.
#
#     . ./heartbeat.sh                                            as a program:
#     heartbeat_ping daily-report                                 heartbeat.sh ping daily-report
#     make report 2>&1 | heartbeat_log daily-report -             ... | heartbeat.sh log daily-report -
#     heartbeat_fail daily-report "no rows" --exit-status 3       heartbeat.sh fail daily-report "no rows" --exit-status 3
#     heartbeat_run daily-report -- make report                   heartbeat.sh run daily-report -- make report
#
# ping, start, success, fail and log take SLUG [BODY] and options; SLUG is the job's name, its uuid or its whole ping URL,
# BODY a text, or - for stdin. Options: --exit-status N, --run-id UUID, --duration SECONDS, --at EPOCH, --for 2026-11-22,
# --create, --timeout SECONDS. run SLUG [--run-id --for --create --timeout] -- COMMAND tells the start, runs the command, tells
# success or its exit status, and ends with it.
#
# What was not delivered is one line on stderr; the status is 0 all the same (a job under `set -e` goes on), or 1 with
# HEARTBEAT_RAISE=1. Environment: HEARTBEAT_URL (https://host or s3://bucket/prefix), HEARTBEAT_PING_KEY, HEARTBEAT_TIMEOUT
# (10 seconds for one try, three times that for all), HEARTBEAT_FALLBACK_S3 (s3://bucket/prefix), HEARTBEAT_FALLBACK_SLACK
# (a webhook), HEARTBEAT_TIMEZONE (of the dates in S3 keys). S3 needs the aws command, or curl >= 7.87 with
# AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION.

heartbeat_ping() ( _heartbeat_tell success "$@" )
heartbeat_start() ( _heartbeat_tell start "$@" )
heartbeat_success() ( _heartbeat_tell success "$@" )
heartbeat_fail() ( _heartbeat_tell fail "$@" )
heartbeat_log() ( _heartbeat_tell log "$@" )
heartbeat_run() ( _heartbeat_run "$@" )

# What follows runs in a subshell of the job's shell: its variables and settings are its own.

_heartbeat_run() {
    slug=${1-} id=$(_heartbeat_run_of "${1-}") for='' create='' timeout=''
    id=${id:-$(_heartbeat_new_id)}
    [ $# = 0 ] || shift
    while [ $# -gt 1 ] && [ "$1" != -- ]; do
        case $1 in
            --create) create=1 && shift && continue ;;
            --run-id) id=$2 ;;
            --for) for=$2 ;;
            --timeout) timeout=$2 ;;
            *) break ;;
        esac
        shift 2
    done
    if [ $# -lt 2 ] || [ "$1" != -- ]; then
        _heartbeat_warn 'use: heartbeat_run SLUG [--run-id UUID] [--for SLOT] [--create] [--timeout SECONDS] -- COMMAND...'
        return 2
    fi
    shift
    _heartbeat_step start || return
    began=$(_heartbeat_now)
    # In the background, so that a signal to us reaches it; a shell would give it /dev/null for stdin there.
    { "$@" <&3 3<&- & } 3<&0
    child=$!
    trap 'kill -TERM "$child" 2>/dev/null' TERM INT
    trap 'kill -HUP "$child" 2>/dev/null' HUP
    while :; do
        status=0
        wait "$child" || status=$?
        kill -0 "$child" 2>/dev/null || break # else it was a signal that ended the wait
    done
    trap - TERM INT HUP
    took=$(_heartbeat_seconds "$(($(_heartbeat_ms "$(_heartbeat_now)") - $(_heartbeat_ms "$began")))")
    if [ "$status" = 0 ]; then
        _heartbeat_step success --duration "$took" || return
    else
        _heartbeat_step fail --duration "$took" --exit-status "$status" || :
    fi
    return "$status"
}

# One fact about the run.
_heartbeat_step() (
    unset IFS
    step=$1
    shift
    _heartbeat_tell "$step" "$slug" --run-id "$id" ${for:+--for "$for"} ${create:+--create} ${timeout:+--timeout "$timeout"} "$@"
)

_heartbeat_tell() {
    set +eu # whatever the job has set
    set -f
    unset IFS
    LC_ALL=C
    export LC_ALL
    # An old curl would wait a second to be asked for a body. Not for S3: curl would sign this header, and not send it.
    unasked='header = "Expect:"'
    kind=$1 what=$1 slug='' body='' exit_status='' run_id='' duration='' at='' for='' create='' timeout='' problem='' place=''
    shift
    if _heartbeat_read "$@" && _heartbeat_timeout && _heartbeat_deliver; then
        [ -z "$place" ] || _heartbeat_warn "$what was not delivered: $problem; evidence was written to $place instead"
        return 0
    fi
    _heartbeat_warn "$what was not delivered: $problem"
    [ "${HEARTBEAT_RAISE:-0}" = 0 ]
}

_heartbeat_read() {
    slug=${1-}
    run_id=$(_heartbeat_run_of "$slug")
    what="$kind of '$(_heartbeat_shown "$slug")'"
    [ $# -gt 0 ] && shift
    case ${1-} in --*) ;; *) [ $# -gt 0 ] && body=$1 && shift ;; esac
    while [ $# -gt 0 ]; do
        case $1 in
            --create) create=1 && shift && continue ;;
            --exit-status) exit_status=${2-} what="exit status ${2-}${what#"$kind"}" ;;
            --run-id) run_id=${2-} ;;
            --duration) duration=${2-} ;;
            --at) at=${2-} ;;
            --for) for=${2-} ;;
            --timeout) timeout=${2-} ;;
            *) problem="there is no option '$1'; see the head of heartbeat.sh" && return 1 ;;
        esac
        [ $# -ge 2 ] || { problem="$1 needs a value" && return 1; }
        shift 2
    done
    # The last 10,000 bytes (the server keeps no more); a shell can hold all but NUL; the x keeps the last newlines.
    if [ "$body" = - ]; then
        body=$(tail -c 10000 | tr '\000' ' '; echo x)
    else
        body=$(printf '%s' "$body" | tail -c 10000; echo x)
    fi
    body=${body%x}
}

_heartbeat_timeout() {
    for number in "${exit_status:-0}" "${duration:-0}" "${at:-0}" "${timeout:-1}"; do
        _heartbeat_is_number "$number" || { problem="'$number' is no number" && return 1; }
    done
    at=${at:-$(_heartbeat_now)}
    timeout=${timeout:-${HEARTBEAT_TIMEOUT:-10}}
    if ! _heartbeat_is_number "$timeout" || [ "$(_heartbeat_ms "$timeout")" = 0 ]; then
        _heartbeat_warn "HEARTBEAT_TIMEOUT='$timeout' is no number of seconds; taking 10"
        timeout=10
    fi
    ms=$(_heartbeat_ms "$timeout")
}

_heartbeat_deliver() {
    case ${HEARTBEAT_URL-} in
        s3://*)
            _heartbeat_write "$HEARTBEAT_URL" && place='' && return 0
            shelf=''
            ;;
        *)
            _heartbeat_post && return 0
            shelf=${HEARTBEAT_FALLBACK_S3-}
            ;;
    esac
    if [ -n "$shelf" ] && [ "$kind" != log ]; then
        why=$problem
        _heartbeat_write "$shelf" && problem=$why && return 0
        problem="$why; nor was evidence written: $problem"
    fi
    case $kind in success | fail) [ -z "${HEARTBEAT_FALLBACK_SLACK-}" ] || _heartbeat_slack ;; esac
    return 1
}

_heartbeat_post() {
    case $slug in
        http://* | https://*) target=$slug ;;
        *) target=$(_heartbeat_setting HEARTBEAT_URL) || {
            problem='HEARTBEAT_URL is not set; set it to the server'"'"'s address, like https://heartbeat.example.org'
            return 1
        } ;;
    esac
    case $target in
        *[!!-~]* | *[\"\\?#@]*) target='' ;;
        http://?* | https://?*) target=${target%/} ;;
        *) target='' ;;
    esac
    # The URL may hold a key: it is not shown.
    [ -n "$target" ] || { problem='the URL is not one to call; give it the form https://heartbeat.example.org' && return 1; }
    if _heartbeat_is_uuid "$slug"; then
        target=$target/ping/$(printf '%s' "$slug" | tr A-F a-f)
    elif [ "${slug#http*://}" = "$slug" ]; then
        key=$(_heartbeat_setting HEARTBEAT_PING_KEY) || {
            problem='HEARTBEAT_PING_KEY is not set; set it to the ping key, or name the job by its uuid'
            return 1
        }
        target=$target/ping/$(_heartbeat_encode "$key")/$(_heartbeat_encode "$slug")
    fi
    step=/${exit_status:-$kind}
    query="at=$(_heartbeat_seconds "$(_heartbeat_ms "$at")")"
    for pair in "rid=$run_id" "for=$for" "duration=$duration" "create=$create"; do
        [ -z "${pair#*=}" ] || query="$query&${pair%%=*}=$(_heartbeat_encode "${pair#*=}")"
    done
    data=$body type='text/plain; charset=utf-8'
    # The same id for every try, so that a ping counts once.
    config="$unasked
header = \"Heartbeat-Id: $(od -An -v -N16 -tx1 /dev/urandom | tr -d ' \n')\""
    _heartbeat_send POST "$target${step%/success}?$query" HEARTBEAT_URL
}

# Tries METHOD URL up to three times; CAUSE is the setting to look at when that is of no use.
_heartbeat_send() {
    ends=$(($(_heartbeat_ms "$(_heartbeat_now)") + 3 * ms))
    tried=1
    while :; do
        left=$((ends - $(_heartbeat_ms "$(_heartbeat_now)")))
        sent=''
        [ "$3" != HEARTBEAT_URL ] || sent="&sent=$(_heartbeat_now)" # by our clock, as `at` is
        _heartbeat_exchange "$1" "$2$sent" "$(_heartbeat_seconds "$((left < ms ? left : ms))")"
        said="answered $status '$(printf '%s' "$answer" | head -c 200)'"
        case $status in
            2??) return 0 ;;
            0) said="cannot be reached ($answer); is it up, is $3 right?" ;;
            408 | 429 | 5??) said="$said; try later" ;;
            3??) said="$said; redirects are not followed: set $3 to the last one" && break ;;
            *) said="$said; ${hint:-$(_heartbeat_remedy "$3")}" && break ;;
        esac
        # Twice as long before the third try, with jitter from a half to one and a half.
        pause=$((ms * tried * (128 + $(od -An -N1 -tu1 /dev/urandom)) / 5100 + (retry * 1000 < ms ? retry * 1000 : ms)))
        [ "$tried" -lt 3 ] || break
        [ $(($(_heartbeat_ms "$(_heartbeat_now)") + pause)) -lt "$ends" ] || break
        sleep "$(_heartbeat_seconds "$pause")"
        tried=$((tried + 1))
    done
    problem="$(_heartbeat_shown "$2") $said"
    return 1
}

_heartbeat_remedy() {
    case $1$status in
        HEARTBEAT_URL400) echo 'check the exit status (0-255), --run-id (a uuid) and --for' ;;
        HEARTBEAT_URL404) echo "check the job's name and HEARTBEAT_PING_KEY, or pass --create to have the job made" ;;
        HEARTBEAT_URL409) echo "several jobs have this name: use the job's uuid" ;;
        HEARTBEAT_URL*) echo 'check HEARTBEAT_URL and the ping key' ;;
        *) echo 'check the bucket, AWS_REGION and the credentials' ;;
    esac
}

# METHOD URL SECONDS, with $data, its $type and lines for curl in $config; leaves $status (0: none) $retry $hint $answer.
# What is secret goes through pipes: every user of the machine may read the arguments of a command.
_heartbeat_exchange() {
    status=0 retry=0 hint=''
    if command -v curl >/dev/null; then
        answer=$(
            printf '%s' "$data" | curl -q -sS -i -N -X "$1" -K /dev/fd/3 --data-binary @- --max-time "$3" --path-as-is \
                --suppress-connect-headers -H "Content-Type: $type" -A heartbeat-shell 3<<EOF 2>&1 |
url = "$2"
$config
EOF
                head -c 4000 | tr -cd '\n -~'
        )
    elif command -v wget >/dev/null; then
        header=${config##*= \"}
        bounded=$(command -v timeout) && bounded="$bounded $3" # wget's own timeouts do not bound an answer that drips
        answer=$(
            {
                printf '%s\n' "$2" | $bounded wget --no-config -q -S -O - --content-on-error --tries=1 --max-redirect=0 \
                    --timeout="$3" --method="$1" --body-data="$data" --header="${header%\"}" \
                    --header="Content-Type: $type" -U heartbeat-shell -i - 2>&1
                printf '\nwget %s\n' "$?"
            } | head -c 4000 | tr -cd '\n -~' | _heartbeat_as_curl
        )
    else
        answer='there is neither curl nor wget'
    fi
    case $answer in HTTP/*\ [1-5][0-9][0-9]*) ;; *) return ;; esac
    status=$(printf '%s' "${answer#* }" | head -c 3)
    retry=$(_heartbeat_header '[Rr]etry-[Aa]fter' | sed 's/^0*//; /[^0-9]/d; s/.......*/99999/')
    retry=${retry:-0}
    hint=$(_heartbeat_header '[Hh]eartbeat-[Hh]int')
    answer=$(printf '%s\n' "$answer" | sed '1,/^$/d')
}

# What wget shows, in the order of curl: the headers (two spaces before each), an empty line, the body.
_heartbeat_as_curl() {
    awk '/^  / && !body { sub(/^ +/, ""); print; seen = 1; next }
        /^wget [0-9]+$/ { code = $2; next }
        seen && !body { print ""; body = 1 }
        body { print }
        END {
            why[4] = "network failure"; why[5] = "the certificate could not be verified"; why[124] = "no answer in time"
            if (!seen) print "wget: " (code in why ? why[code] : "status " code)
        }'
}

_heartbeat_header() {
    printf '%s\n' "$answer" | sed -n "/^\$/q; s/^$1: *//p" | head -n 1
}

# Writes evidence below s3://bucket/prefix; $place is where.
_heartbeat_write() {
    prefix=${1#s3://}
    bucket=${prefix%%/*}
    prefix=$(printf '%s' "${prefix#"$bucket"}" | sed 's:^/*::; s:/*$::')
    [ -n "$bucket" ] || { problem="'$1' is no place in S3; give it the form s3://bucket/prefix" && return 1; }
    if _heartbeat_is_uuid "$slug" || [ "${slug#*://}" != "$slug" ]; then
        problem="evidence in S3 is named by the job's name: use that, not its uuid or URL"
        return 1
    fi
    day=${for:-$(_heartbeat_day)} || {
        problem="HEARTBEAT_TIMEZONE='$HEARTBEAT_TIMEZONE' is no time zone known here; give it the form Asia/Tokyo"
        return 1
    }
    object=${prefix:+$prefix/}$slug/$day
    if [ "$kind$exit_status" = log ]; then
        object=$object.log type='text/plain; charset=utf-8' data=$body
    else
        object=$object.json type=application/json data=$(_heartbeat_evidence)
    fi
    endpoint=${AWS_ENDPOINT_URL_S3:-${AWS_ENDPOINT_URL-}}
    region=${AWS_REGION:-${AWS_DEFAULT_REGION-}}
    if command -v aws >/dev/null; then _heartbeat_aws; else _heartbeat_put; fi && place=s3://$bucket/$object
}

# On which the run began: its start and its end shall meet in one object, though midnight lie between them.
_heartbeat_day() {
    zone=${HEARTBEAT_TIMEZONE-}
    if [ -n "$zone" ]; then
        [ "$zone" = UTC ] || [ -f "${TZDIR:-/usr/share/zoneinfo}/$zone" ] || return # date would silently take UTC
        TZ=$zone
        export TZ
    fi
    began=$((($(_heartbeat_ms "$at") - $(_heartbeat_ms "${duration:-0}")) / 1000))
    date -d "@$began" +%Y-%m-%d 2>/dev/null || date -r "$began" +%Y-%m-%d # GNU's and BusyBox's, or BSD's
}

_heartbeat_evidence() {
    case $exit_status:$kind in
        :start) printf '{"status": "started"' ;;
        :fail | *[1-9]*:*) printf '{"status": "fail"' ;;
        *) printf '{"status": "success"' ;;
    esac
    [ -z "$exit_status" ] || printf ', "exit_status": %d' "$(($(_heartbeat_ms "$exit_status") / 1000))"
    [ -z "$duration" ] || printf ', "duration": %s' "$(_heartbeat_seconds "$(_heartbeat_ms "$duration")")"
    [ -z "$run_id" ] || printf ', "run_id": "%s"' "$(printf '%s' "$run_id" | _heartbeat_json)"
    printf ', "at": %s' "$(_heartbeat_seconds "$(_heartbeat_ms "$at")")"
    [ -z "$body" ] || printf ', "message": "%s"' "$(printf '%s' "$body" | _heartbeat_json)"
    printf '}'
}

_heartbeat_aws() {
    whole=$(((ms + 999) / 1000))
    bounded=$(command -v timeout) && bounded="$bounded $(_heartbeat_seconds $((3 * ms)))"
    said=$(printf '%s' "$data" | AWS_MAX_ATTEMPTS=3 $bounded aws ${endpoint:+--endpoint-url "$endpoint"} ${region:+--region "$region"} \
        --cli-connect-timeout "$whole" --cli-read-timeout "$whole" s3 cp - "s3://$bucket/$object" \
        --content-type "$type" --only-show-errors 2>&1) || {
        problem="aws s3 cp: $said; check the bucket, AWS_REGION and the credentials"
        return 1
    }
}

_heartbeat_put() {
    if [ -z "${AWS_ACCESS_KEY_ID-}" ] || [ -z "${AWS_SECRET_ACCESS_KEY-}" ] || [ -z "$region" ]; then
        problem='s3:// needs the aws command, or curl and AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION'
        return 1
    elif ! command -v curl >/dev/null; then
        problem='s3:// needs the aws command or curl'
        return 1
    fi
    domain=s3.$region.amazonaws.com
    case $region in cn-*) domain=$domain.cn ;; esac
    case $endpoint$bucket in
        *[:.]*) place=${endpoint:-https://$domain}/$bucket ;; # a bucket's dot does not fit the certificate
        *) place=https://$bucket.$domain ;;
    esac
    sum=$(printf '%s' "$data" | { sha256sum 2>/dev/null || shasum -a 256; })
    config="aws-sigv4 = \"aws:amz:$region:s3\"
user = \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\"
header = \"x-amz-content-sha256: ${sum%% *}\"
${AWS_SESSION_TOKEN:+header = \"x-amz-security-token: $AWS_SESSION_TOKEN\"}"
    _heartbeat_send PUT "${place%/}/$(_heartbeat_encode "$object" | sed 's:%2F:/:g')" AWS_ENDPOINT_URL_S3
}

_heartbeat_slack() {
    told="Heartbeat could not be told: $what on $(uname -n) ($(_heartbeat_clean "$problem"))"
    told=$(printf '%s' "$told" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g' | _heartbeat_json)
    data="{\"text\": \"$told\"}" type=application/json config=$unasked
    _heartbeat_exchange POST "$HEARTBEAT_FALLBACK_SLACK" "$timeout"
    case $status in
        2??) problem="$problem; Slack was told" ;;
        *) problem="$problem; Slack could not be told either" ;;
    esac
}

# From any bytes to the inside of a JSON string.
_heartbeat_json() {
    if command -v iconv >/dev/null; then iconv -c -f UTF-8 -t UTF-8; else tr -cd '\t\n\r -~'; fi |
        tr '\001-\010\013\014\016-\037\177' ' ' | sed "s/[\\\\\"]/\\\\&/g; s/$(printf '\t')/\\\\t/g; s/$(printf '\r')/\\\\r/g" |
        awk '{ printf "%s%s", between, $0; between = "\\n" }'
}

_heartbeat_encode() {
    for byte in $(printf '%s' "$1" | od -An -v -to1); do
        case $byte in
            055 | 056 | 06? | 07[01] | 10[1-7] | 1[12]? | 13[0-2] | 137 | 14[1-7] | 1[56]? | 17[0-2] | 176) printf '%b' "\\0$byte" ;;
            *) printf '%%%02X' "0$byte" ;;
        esac
    done
}

_heartbeat_setting() {
    eval "value=\${$1-}"
    [ -n "$value" ] && printf '%s' "$value"
}

_heartbeat_is_uuid() {
    case $1 in
        *[!0-9A-Fa-f-]*) return 1 ;;
        ????????-????-????-????-????????????) return 0 ;;
        *) return 1 ;;
    esac
}

_heartbeat_is_number() {
    case $1 in '' | . | *[!0-9.]* | *.*.*) return 1 ;; esac
    [ ${#1} -le 15 ]
}

# The run that Heartbeat's trigger started, if it is one of this job.
_heartbeat_run_of() {
    [ "${HEARTBEAT_JOB-}" != "$1" ] || printf '%s' "${HEARTBEAT_RUN_ID-}"
}

# A random uuid, without the programs that not every machine has.
_heartbeat_new_id() {
    od -An -v -N16 -tx1 /dev/urandom | tr -d ' \n' |
        sed -E 's/(.{8})(.{4}).(.{3}).(.{3})(.{12})/\1-\2-4\3-8\4-\5/'
}

_heartbeat_now() {
    now=$(date +%s.%3N)
    case $now in *[!0-9.]*) date +%s ;; *) echo "$now" ;; esac # only GNU's date knows parts of seconds
}

# 1.5 -> 1500
_heartbeat_ms() {
    whole=${1%%.*} part=000
    whole=${whole#"${whole%%[!0]*}"} # a zero in front would make it octal
    case $1 in *.*) part=${1#*.}000 ;; esac
    echo "$((${whole:-0} * 1000 + 1${part%"${part#???}"} - 1000))"
}

# 1500 -> 1.500
_heartbeat_seconds() {
    printf '%d.%03d' "$(($1 / 1000))" "$(($1 % 1000))"
}

# As much as may be logged: a URL's path holds a key, and a uuid is one.
_heartbeat_shown() {
    _heartbeat_clean "$(printf '%s' "$1" | cut -d/ -f1-3)"
}

# Without what a server's answer may repeat of our secrets.
_heartbeat_clean() {
    text=$1
    for secret in "${HEARTBEAT_PING_KEY-}" "${HEARTBEAT_FALLBACK_SLACK-}" "${AWS_SECRET_ACCESS_KEY-}" \
        "${AWS_SESSION_TOKEN-}" "${slug#http*://*/}"; do
        case $secret in '' | "${slug-}") continue ;; esac
        while [ "${text#*"$secret"}" != "$text" ]; do text="${text%%"$secret"*}…${text#*"$secret"}"; done
    done
    printf '%s' "$text" | sed -E 's/([0-9A-Fa-f]{8})(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}/\1…/g'
}

_heartbeat_warn() {
    printf 'heartbeat: %s\n' "$(_heartbeat_clean "$1" | tr '\001-\037\177' ' ')" >&2 2>/dev/null || :
}

case ${0##*/}:${1-} in
    heartbeat.sh:ping | heartbeat.sh:start | heartbeat.sh:success | heartbeat.sh:fail | heartbeat.sh:log)
        what=$1
        shift
        "heartbeat_$what" "$@"
        ;;
    heartbeat.sh:run)
        shift
        _heartbeat_run "$@"
        ;;
    heartbeat.sh:*)
        echo "use: heartbeat.sh ping|start|success|fail|log SLUG [BODY|-] [OPTIONS], or heartbeat.sh run SLUG -- COMMAND" >&2
        exit 2
        ;;
esac
