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
# --metric rows=3, --create, --timeout SECONDS. run SLUG [--run-id --for --create --timeout] -- COMMAND tells the start, runs the command, tells
# success or its exit status, and ends with it.
#
# What was not delivered is one line on stderr; the status is 0 all the same (a job under `set -e` goes on), or 1 with
# HEARTBEAT_RAISE=1. Environment: HEARTBEAT_URL (https://host or s3://bucket/prefix), HEARTBEAT_PING_KEY, HEARTBEAT_TIMEOUT
# (5 seconds for a ping with all its tries), HEARTBEAT_FALLBACK_S3 (s3://bucket/prefix), HEARTBEAT_FALLBACK_SLACK
# (a webhook), HEARTBEAT_TIMEZONE (of the dates in S3 keys). S3 needs the aws command, or curl >= 7.87 with
# AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION.

heartbeat_ping() ( _heartbeat_tell success '' "$@" )
heartbeat_start() ( _heartbeat_tell start '' "$@" )
heartbeat_success() ( _heartbeat_tell success '' "$@" )
heartbeat_fail() ( _heartbeat_tell fail '' "$@" )
heartbeat_log() ( _heartbeat_tell log '' "$@" )
heartbeat_run() ( _heartbeat_run "$@" )

# What follows runs in a subshell of the job's shell: its variables and settings are its own. What a function answers is
# in $result (or where it says): to print it would take a process, and processes are what a ping costs.

_heartbeat_run() {
    slug=${1-} id='' for='' create='' timeout=''
    [ "${HEARTBEAT_JOB-}" != "$slug" ] || id=${HEARTBEAT_RUN_ID-}
    id=${id:-$(_heartbeat_new_id && echo "$result")} # in a subshell: the command may have a variable of this name
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
    _heartbeat_step start '' || return
    began=$(_heartbeat_now && echo "$now")
    # In the background, so that a signal to us reaches it; a shell would give it /dev/null for stdin there, so stdin goes
    # by way of a descriptor that the job has not opened.
    for free in 9 8 7 6 5 4 3; do
        { command : <&"$free"; } 2>/dev/null || break
    done
    if { eval "command : $free<&0"; } 2>/dev/null; then eval "{ \"\$@\" <&$free $free<&- & } $free<&0"; else "$@" <&- & fi
    child=$!
    trap 'kill -TERM "$child" 2>/dev/null' TERM INT
    trap 'kill -HUP "$child" 2>/dev/null' HUP
    while :; do
        status=0
        wait "$child" || status=$?
        kill -0 "$child" 2>/dev/null || break # else it was a signal that ended the wait
    done
    trap - TERM INT HUP
    _heartbeat_ms "$began"
    began=$result
    _heartbeat_now
    _heartbeat_ms "$now"
    _heartbeat_seconds "$((result < began ? 0 : result - began))" # a clock can be set back
    if [ "$status" = 0 ]; then
        _heartbeat_step success "$now" --duration "$result" || return
    else
        _heartbeat_step fail "$now" --duration "$result" --exit-status "$status" || :
    fi
    return "$status"
}

# KIND, NOW (if it is known) and more options: one fact about the run.
_heartbeat_step() (
    unset IFS
    step=$1 moment=$2
    shift 2
    _heartbeat_tell "$step" "$moment" "$slug" --run-id "$id" ${for:+--for "$for"} ${create:+--create} ${timeout:+--timeout "$timeout"} "$@"
)

_heartbeat_tell() {
    set +eu # whatever the job has set
    set -f
    unset IFS
    LC_ALL=C
    export LC_ALL
    _heartbeat_trim
    [ "${HEARTBEAT_DISABLED:-0}" = 0 ] || return 0
    # An old curl would wait a second to be asked for a body. Not for S3: curl would sign this header, and not send it.
    unasked='header = "Expect:"'
    kind=$1 what=$1 now=$2 slug='' body='' exit_status='' run_id='' duration='' at='' for='' create='' timeout='' problem='' place='' metrics='' metrics_json=''
    shift 2
    if _heartbeat_read "$@" && _heartbeat_timeout && _heartbeat_deliver; then
        [ -z "$place" ] || _heartbeat_warn "$what was not delivered: $problem; evidence was written to $place instead"
        return 0
    fi
    _heartbeat_warn "$what was not delivered: $problem"
    [ "${HEARTBEAT_RAISE:-0}" = 0 ]
}

# A file with the settings that was written on Windows leaves a CR at the end of each.
_heartbeat_trim() {
    for name in HEARTBEAT_DISABLED HEARTBEAT_URL HEARTBEAT_PING_KEY HEARTBEAT_TIMEOUT HEARTBEAT_RAISE HEARTBEAT_JOB HEARTBEAT_RUN_ID HEARTBEAT_TIMEZONE \
        HEARTBEAT_FALLBACK_S3 HEARTBEAT_FALLBACK_SLACK AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_REGION \
        AWS_DEFAULT_REGION AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3; do
        eval "result=\${$name-}"
        case $result in [[:space:]]* | *[[:space:]]) ;; *) continue ;; esac
        result=${result#"${result%%[![:space:]]*}"}
        eval "$name=\${result%\"\${result##*[![:space:]]}\"}"
    done
}

_heartbeat_read() {
    slug=${1-}
    [ "${HEARTBEAT_JOB-}" != "$slug" ] || run_id=${HEARTBEAT_RUN_ID-}
    _heartbeat_shown "$slug"
    what="$kind of '$result'"
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
            --metric) _heartbeat_metric "${2-}" || return ;;
            --timeout) timeout=${2-} ;;
            *) problem="there is no option '$1'; see the head of heartbeat.sh" && return 1 ;;
        esac
        [ $# -ge 2 ] || { problem="$1 needs a value" && return 1; }
        shift 2
    done
    # The last 10,000 bytes (the server keeps no more); a shell can hold all but NUL; the x keeps the last newlines.
    if [ "$body" = - ]; then
        body=$(tail -c 10000 | tr '\000' ' '; echo x)
        body=${body%x}
    elif [ ${#body} -gt 2500 ]; then # characters of up to four bytes
        body=$(printf '%s' "$body" | tail -c 10000; echo x)
        body=${body%x}
    fi
}

_heartbeat_metric() {
    case ${1%%=*} in '' | *[!-_.a-zA-Z0-9]*) problem="'$1' is no metric; give it the form rows=3" && return 1 ;; esac
    result=${1#*=}
    _heartbeat_is_number "${result#-}" || { problem="'$1' is no metric; give it the form rows=3" && return 1; }
    metrics="$metrics&metric=${1%%=*}:$result"
    case $result in .*) result=0$result ;; -.*) result=-0${result#-} ;; *.) result=${result}0 ;; esac
    metrics_json="$metrics_json${metrics_json:+, }\"${1%%=*}\": $result"
}

_heartbeat_timeout() {
    for number in "${exit_status:-0}" "${duration:-0}" "${at:-0}" "${timeout:-1}"; do
        _heartbeat_is_number "$number" || { problem="'$number' is no number" && return 1; }
    done
    [ -n "$now" ] || _heartbeat_now
    at=${at:-$now}
    given=$timeout
    timeout=${timeout:-${HEARTBEAT_TIMEOUT:-5}}
    if ! _heartbeat_is_number "$timeout" || { _heartbeat_ms "$timeout" && [ "$result" = 0 ]; }; then
        _heartbeat_warn "HEARTBEAT_TIMEOUT='$timeout' is no number of seconds; taking 5"
        timeout=5
    fi
    _heartbeat_ms "$timeout"
    ms=$result
    # Of a start at most 2: the work waits for it, and the end says as much.
    if [ "$kind$given" = start ] && [ "$ms" -gt 2000 ]; then ms=2000 timeout=2; fi
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
        *) target=${HEARTBEAT_URL-} ;;
    esac
    if [ -z "$target" ]; then
        problem='HEARTBEAT_URL is not set; set it to the server'"'"'s address, like https://heartbeat.example.org'
        return 1
    fi
    case $target in
        *[!!-~]* | *[\"\\?#@]*) target='' ;;
        http://?* | https://?*) target=${target%"${target##*[!/]}"} ;; # all slashes at its end
        *) target='' ;;
    esac
    # The URL may hold a key: it is not shown.
    [ -n "$target" ] || { problem='the URL is not one to call; give it the form https://heartbeat.example.org' && return 1; }
    [ "${slug#http*://}" != "$slug" ] || target=${target%/ping}
    if _heartbeat_is_uuid "$slug"; then
        target=$target/ping/$(printf '%s' "$slug" | tr A-F a-f)
    elif [ "${slug#http*://}" = "$slug" ]; then
        if [ -z "${HEARTBEAT_PING_KEY-}" ]; then
            problem='HEARTBEAT_PING_KEY is not set; set it to the ping key, or name the job by its uuid'
            return 1
        fi
        _heartbeat_encode "$HEARTBEAT_PING_KEY"
        target=$target/ping/$result
        _heartbeat_encode "$slug"
        target=$target/$result
    fi
    step=/${exit_status:-$kind}
    _heartbeat_ms "$at" && _heartbeat_seconds "$result"
    query="at=$result"
    for pair in "rid=$run_id" "for=$for" "duration=$duration" "create=$create"; do
        _heartbeat_encode "${pair#*=}"
        [ -z "$result" ] || query="$query&${pair%%=*}=$result"
    done
    query=$query$metrics
    data=$body type='text/plain; charset=utf-8'
    # The same id for every try, so that a ping counts once.
    _heartbeat_new_id
    while [ "${result#*-}" != "$result" ]; do result=${result%%-*}${result#*-}; done
    config="$unasked
header = \"Heartbeat-Id: $result\""
    _heartbeat_send POST "$target${step%/success}?$query" HEARTBEAT_URL
}

# Tries METHOD URL up to three times; CAUSE is the setting to look at when that is of no use.
_heartbeat_send() {
    _heartbeat_ms "$now"
    left=$ms tried=1
    [ "$3" = HEARTBEAT_URL ] || left=$((3 * ms))
    ends=$((result + left))
    while :; do
        sent=''
        [ "$3" != HEARTBEAT_URL ] || sent="&sent=$now" # by our clock, as `at` is
        _heartbeat_seconds "$((tried < 3 ? (left + 1) / 2 : left))" # so that a server that hangs is asked more than once
        _heartbeat_exchange "$1" "$2$sent" "$result"
        case $status in 2??) return 0 ;; esac
        said="answered $status '$(printf '%s' "$answer" | head -c 200)'"
        case $status in
            0) said="cannot be reached ($answer); is it up, is $3 right?" ;;
            408 | 429 | 5??) said="$said; try later" ;;
            3??) said="$said; redirects are not followed: set $3 to the last one" && break ;;
            *) said="$said; ${hint:-$(_heartbeat_remedy "$3")}" && break ;;
        esac
        # Twice as long before the third try, with jitter from a half to one and a half.
        pause=$((ms * tried * (128 + $(od -An -N1 -tu1 /dev/urandom)) / 5100 + retry * 1000))
        [ "$tried" -lt 3 ] || break
        _heartbeat_now && _heartbeat_ms "$now"
        left=$((ends - result))
        [ "$left" -gt 1 ] || break
        pause=$((pause < left / 2 ? pause : left / 2))
        left=$((left - pause))
        _heartbeat_seconds "$pause"
        sleep "$result"
        tried=$((tried + 1))
        _heartbeat_now
    done
    _heartbeat_shown "$2"
    problem="$result $said"
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
        # bash warns of a NUL in an answer.
        { answer=$(
            printf '%s' "$data" | curl -q -sS -i -N -X "$1" -K /dev/fd/3 --data-binary @- --max-time "$3" --path-as-is \
                --suppress-connect-headers -H "Content-Type: $type" -A heartbeat-shell 3<<EOF 2>&1 |
url = "$2"
$config
EOF
                head -c 4000
        ); } 2>/dev/null
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
    case $answer in HTTP/*\ 2[0-9][0-9]*) status=${answer#* } && status=${status%"${status#???}"} ;; esac
    case $status in 2??) return ;; esac
    answer=$(printf '%s' "$answer" | tr -cd '\n -~')
    case $answer in HTTP/*\ [1-5][0-9][0-9]*) ;; *) status=0 && return ;; esac
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
    _heartbeat_now
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
    _heartbeat_ms "${duration:-0}"
    began=$result
    _heartbeat_ms "$at"
    began=$(((result - began) / 1000))
    date -d "@$began" +%Y-%m-%d 2>/dev/null || date -r "$began" +%Y-%m-%d # GNU's and BusyBox's, or BSD's
}

_heartbeat_evidence() {
    case $exit_status:$kind in
        :start) printf '{"status": "started"' ;;
        :fail | *[1-9]*:*) printf '{"status": "fail"' ;;
        *) printf '{"status": "success"' ;;
    esac
    _heartbeat_ms "${exit_status:-0}"
    [ -z "$exit_status" ] || printf ', "exit_status": %d' "$((result / 1000))"
    _heartbeat_ms "${duration:-0}" && _heartbeat_seconds "$result"
    [ -z "$duration" ] || printf ', "duration": %s' "$result"
    [ -z "$run_id" ] || printf ', "run_id": "%s"' "$(printf '%s' "$run_id" | _heartbeat_json)"
    _heartbeat_ms "$at" && _heartbeat_seconds "$result"
    printf ', "at": %s' "$result"
    [ -z "$metrics_json" ] || printf ', "metrics": {%s}' "$metrics_json"
    [ -z "$body" ] || printf ', "message": "%s"' "$(printf '%s' "$body" | _heartbeat_json)"
    printf '}'
}

_heartbeat_aws() {
    whole=$(((ms + 999) / 1000))
    _heartbeat_seconds $((3 * ms))
    bounded=$(command -v timeout) && bounded="$bounded $result"
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
    _heartbeat_encode "$object"
    _heartbeat_send PUT "${place%/}/$(printf '%s' "$result" | sed 's:%2F:/:g')" AWS_ENDPOINT_URL_S3
}

_heartbeat_slack() {
    _heartbeat_clean "$problem"
    told="Heartbeat could not be told: $what on $(uname -n) ($result)"
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
    result=$1
    case $1 in *[!0-9A-Za-z._~-]*) ;; *) return ;; esac
    result=$(for byte in $(printf '%s' "$1" | od -An -v -to1); do
        case $byte in
            055 | 056 | 06? | 07[01] | 10[1-7] | 1[12]? | 13[0-2] | 137 | 14[1-7] | 1[56]? | 17[0-2] | 176) printf '%b' "\\0$byte" ;;
            *) printf '%%%02X' "0$byte" ;;
        esac
    done)
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

# A random uuid, from Linux or without the programs that not every machine has.
_heartbeat_new_id() {
    if ! { [ -r /proc/sys/kernel/random/uuid ] && IFS='' read -r result </proc/sys/kernel/random/uuid; }; then
        result=$(od -An -v -N16 -tx1 /dev/urandom | tr -d ' \n' |
            sed -E 's/(.{8})(.{4}).(.{3}).(.{3})(.{12})/\1-\2-4\3-8\4-\5/')
    fi
}

# Leaves seconds since the epoch in $now.
_heartbeat_now() {
    now=$(date +%s.%3N)
    case $now in *[!0-9.]*) now=$(date +%s) ;; esac # only GNU's date knows parts of seconds
}

# 1.5 -> 1500
_heartbeat_ms() {
    whole=${1%%.*} part=000
    whole=${whole#"${whole%%[!0]*}"} # a zero in front would make it octal
    case $1 in *.*) part=${1#*.}000 ;; esac
    result=$((${whole:-0} * 1000 + 1${part%"${part#???}"} - 1000))
}

# 1500 -> 1.500
_heartbeat_seconds() {
    part=$(($1 % 1000 + 1000))
    result=$(($1 / 1000)).${part#1}
}

# As much as may be logged: a URL's path holds a key, and a uuid is one.
_heartbeat_shown() {
    case $1 in
        */*/*/*) text=${1#*/*/*/} && _heartbeat_clean "${1%"/$text"}" ;;
        *) _heartbeat_clean "$1" ;;
    esac
}

# Without what a server's answer may repeat of our secrets.
_heartbeat_clean() {
    result=$1
    for secret in "${HEARTBEAT_PING_KEY-}" "${HEARTBEAT_FALLBACK_SLACK-}" "${AWS_SECRET_ACCESS_KEY-}" \
        "${AWS_SESSION_TOKEN-}" "${slug#http*://*/}"; do
        case $secret in '' | "${slug-}") continue ;; esac
        while [ "${result#*"$secret"}" != "$result" ]; do result="${result%%"$secret"*}…${result#*"$secret"}"; done
    done
    case $result in
        *-????-????-????-????????????*) ;;
        *) return ;;
    esac
    result=$(printf '%s' "$result" | sed -E 's/([0-9A-Fa-f]{8})(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}/\1…/g')
}

_heartbeat_warn() {
    _heartbeat_clean "$1"
    printf 'heartbeat: %s\n' "$(printf '%s' "$result" | tr '\001-\037\177' ' ')" >&2 2>/dev/null || :
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
