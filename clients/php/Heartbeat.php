<?php

/**
 * Tells Heartbeat what a job did, and never breaks the job. One file, PHP >= 7.4, nothing to install: copy it.
 *
 *     require 'Heartbeat.php';
 *     Heartbeat::ping('daily-report');                                     // it ran
 *     Heartbeat::fail('daily-report', 'no rows', ['exit_status' => 3]);
 *     $rows = Heartbeat::run('daily-report', function () { return report(); });   // start, then success or fail
 *
 * start, success, fail and log take (slug, body, options); slug is the job's name, its uuid or its whole ping URL.
 * Options: exit_status (0-255), run_id (uuid), duration (s), at (DateTimeInterface or epoch seconds), for ("2026-11-22"),
 * metrics (['rows' => 3]), create (bool), timeout (s), raise (bool). The answer is true when it was delivered; else one line on stderr says why.
 *
 * Environment: HEARTBEAT_URL (https://host or s3://bucket/prefix), HEARTBEAT_PING_KEY, HEARTBEAT_TIMEOUT (5 seconds for
 * a ping with all its tries), HEARTBEAT_FALLBACK_S3 (s3://bucket/prefix), HEARTBEAT_FALLBACK_SLACK (a webhook),
 * HEARTBEAT_TIMEZONE (of the dates in S3 keys), HEARTBEAT_RAISE=1 (throw HeartbeatPingError instead of the line).
 * S3 is written by Aws\S3\S3Client where there is one, else with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
 */
final class Heartbeat
{
    private const TRIES = 3;
    private const TIMEOUT = 5.0; // seconds for a ping with all its tries
    private const START_MAX = 2.0; // of them for a start: the work waits for it, and the end says as much
    private const BACKOFF = 0.05; // of the timeout: the pause before the second try, doubled before the third
    private const BODY_MAX = 10000; // bytes; the server keeps no more
    private const ANSWER_MAX = 2000;
    private const OPTIONS = ['exit_status', 'run_id', 'duration', 'at', 'for', 'metrics', 'create', 'timeout',
        'raise'];
    private const SECRETS =
        ['HEARTBEAT_PING_KEY', 'HEARTBEAT_FALLBACK_SLACK', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];
    private const FATAL = E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR | E_RECOVERABLE_ERROR;
    private const REMEDIES = [
        400 => 'check the exit status (0-255), run_id (a uuid) and for',
        404 => "check the job's name and HEARTBEAT_PING_KEY, or pass 'create' => true to have the job made",
        409 => "several jobs have this name: use the job's uuid",
    ];

    /** @var array<int, array> runs that have begun and not ended */
    private static $open = [];
    /** @var int */
    private static $begun = 0;
    /** @var bool */
    private static $watching = false;
    /** @var string what PHP itself warned of last */
    private static $warned = '';

    public static function ping($slug, $body = null, array $options = []): bool
    {
        return self::tell('success', $slug, $body, $options);
    }

    public static function start($slug, $body = null, array $options = []): bool
    {
        return self::tell('start', $slug, $body, $options);
    }

    public static function success($slug, $body = null, array $options = []): bool
    {
        return self::tell('success', $slug, $body, $options);
    }

    public static function fail($slug, $body = null, array $options = []): bool
    {
        return self::tell('fail', $slug, $body, $options);
    }

    /** Leaves a note with the job; it changes no verdict. */
    public static function log($slug, $body = null, array $options = []): bool
    {
        return self::tell('log', $slug, $body, $options);
    }

    /** Runs the block and returns what it returns. What it throws is reported and thrown on. */
    public static function run($slug, callable $block, array $options = [])
    {
        $options['run_id'] = $options['run_id'] ?? self::runOf($slug) ?? self::uuid();
        self::tell('start', $slug, null, $options);
        $number = ++self::$begun;
        self::$open[$number] = [$slug, $options, hrtime(true), getmypid()];
        self::watch();
        try {
            $result = $block();
        } catch (\Throwable $error) {
            self::finish($number, 'fail', $error, ['raise' => false]); // it is the job's own that goes on
            throw $error;
        }
        self::finish($number, 'success', null, []);
        return $result;
    }

    private static function finish(int $number, string $kind, $body, array $more): void
    {
        [$slug, $options, $began, $process] = self::$open[$number];
        unset(self::$open[$number]);
        if ($process !== getmypid()) { // a forked child comes by here too, and the run is not its own
            return;
        }
        $took = round((hrtime(true) - $began) / 1e9, 3);
        self::tell($kind, $slug, $body, $more + $options + ['duration' => $took]);
    }

    /** Neither exit() nor a fatal error throws: what is still open when PHP ends did not come to its end. */
    private static function watch(): void
    {
        if (self::$watching) {
            return;
        }
        self::$watching = true;
        register_shutdown_function(static function (): void {
            $last = error_get_last();
            $why = $last !== null && ($last['type'] & self::FATAL) !== 0
                ? "{$last['message']} in {$last['file']}:{$last['line']}"
                : 'exit() was called inside run(); PHP does not tell its status: let the block return or throw';
            foreach (array_keys(self::$open) as $number) {
                self::finish($number, 'fail', $why, ['raise' => false]);
            }
        });
    }

    private static function tell(string $kind, $slug, $body, array $options): bool
    {
        if (!in_array(self::env('HEARTBEAT_DISABLED'), ['', '0'], true)) {
            return true;
        }
        set_error_handler(static function (int $_, string $text): bool { // the job's own may throw, or write to stdout
            self::$warned = self::$warned ?: (string) preg_replace('~^\w+\(.*?\): ~s', '', $text); // may hold the URL
            return true;
        });
        $what = $kind;
        try {
            $slug = (string) $slug;
            $status = $options['exit_status'] ?? null;
            $what = ($status === null ? $kind : "exit status $status") . " of '" . self::shown($slug) . "'";
            if ($unknown = array_diff(array_keys($options), self::OPTIONS)) {
                throw new HeartbeatPingError("there is no option '" . implode("', '", $unknown) . "'; there are "
                    . implode(', ', self::OPTIONS));
            }
            if ($body instanceof \Throwable) { // alerts show the end
                $body = "{$body}\n\n" . get_class($body) . ": {$body->getMessage()}";
            }
            $event = ['kind' => $kind, 'slug' => $slug, 'body' => substr((string) $body, -self::BODY_MAX)] + $options;
            $event['run_id'] = $options['run_id'] ?? self::runOf($slug);
            $event['at'] = $options['at'] ?? microtime(true);
            $event['for'] = isset($options['for']) ? (string) $options['for'] : null;
            $event['timeout'] = isset($options['timeout']) ? (float) self::number($options['timeout']) : self::timeout($kind);
            return self::deliver($event, $what);
        } catch (\Throwable $problem) {
            $text = self::clean($problem->getMessage(), is_string($slug) ? $slug : '');
            if ($options['raise'] ?? !in_array(self::env('HEARTBEAT_RAISE'), ['', '0'], true)) {
                throw new HeartbeatPingError($text);
            }
            self::warn("$what was not delivered: $text");
            return false;
        } finally {
            restore_error_handler();
        }
    }

    /** The run that Heartbeat's trigger started, if it is one of this job. */
    private static function runOf($slug): ?string
    {
        return self::env('HEARTBEAT_JOB') === (string) $slug ? (self::env('HEARTBEAT_RUN_ID') ?: null) : null;
    }

    private static function deliver(array $event, string $what): bool
    {
        $isFinal = in_array($event['kind'], ['success', 'fail'], true);
        $shelf = $event['kind'] === 'log' ? '' : self::env('HEARTBEAT_FALLBACK_S3');
        try {
            if (strncmp(self::env('HEARTBEAT_URL'), 's3://', 5) === 0) {
                $shelf = ''; // what cannot be written there is not tried on another shelf
                self::write(self::env('HEARTBEAT_URL'), $event);
            } else {
                self::post($event);
            }
            return true;
        } catch (\Throwable $problem) {
            $why = $problem->getMessage();
        }
        if ($shelf !== '') {
            try {
                $why .= '; evidence was written to ' . self::write($shelf, $event) . ' instead';
                self::warn("$what was not delivered: " . self::clean($why, $event['slug']));
                return true;
            } catch (\Throwable $problem) {
                $why .= '; nor was evidence written: ' . $problem->getMessage();
            }
        }
        if ($isFinal && ($webhook = self::env('HEARTBEAT_FALLBACK_SLACK')) !== '') {
            $told = "Heartbeat could not be told: $what on " . gethostname() . ' (' . self::clean($why, $event['slug']) . ')';
            $json = json_encode(['text' => htmlspecialchars($told, ENT_NOQUOTES | ENT_SUBSTITUTE)]);
            $answer = self::exchange('POST', $webhook, ['Content-Type: application/json'], $json, $event['timeout']);
            $why .= intdiv($answer['status'], 100) === 2 ? '; Slack was told' : '; Slack could not be told either';
        }
        throw new HeartbeatPingError($why);
    }

    private static function post(array $event): void
    {
        $status = $event['exit_status'] ?? null;
        $step = $status === null ? ($event['kind'] === 'success' ? '' : "/{$event['kind']}") : "/$status";
        $query = http_build_query([
            'rid' => $event['run_id'] ?? null,
            'for' => $event['for'] ?? null,
            'duration' => isset($event['duration']) ? self::number($event['duration']) : null,
            'at' => self::number($event['at']),
            'create' => empty($event['create']) ? null : '1',
        ], '', '&', PHP_QUERY_RFC3986);
        foreach (self::metrics($event) as $name => $number) {
            $query .= '&metric=' . rawurlencode("$name:$number");
        }
        self::send('POST', self::url($event['slug']) . "$step?$query", [
            'Heartbeat-Id: ' . bin2hex(random_bytes(16)), // the same for every try, so that a ping counts once
            'User-Agent: heartbeat-php',
            'Content-Type: text/plain; charset=utf-8',
        ], $event['body'], $event['timeout'], 'HEARTBEAT_URL');
    }

    private static function metrics(array $event): array
    {
        foreach ($event['metrics'] ?? [] as $name => $number) {
            if (!is_numeric($number) || !is_finite((float) $number)) {
                throw new HeartbeatPingError("the metric '$name' is no number: " . var_export($number, true));
            }
        }
        return $event['metrics'] ?? [];
    }

    private static function url(string $slug): string
    {
        if (preg_match('~^https?://~', $slug)) {
            return self::checked($slug);
        }
        $base = self::checked(self::setting('HEARTBEAT_URL', "the server's address, like https://heartbeat.example.org"));
        $base = (string) preg_replace('~/ping$~D', '', $base);
        if (self::isUuid($slug)) {
            return "$base/ping/" . strtolower($slug);
        }
        $key = self::setting('HEARTBEAT_PING_KEY', 'the ping key, or name the job by its uuid');
        return "$base/ping/" . rawurlencode($key) . '/' . rawurlencode($slug);
    }

    private static function checked(string $url): string
    {
        if (!preg_match('~^https?://[^\s?#@\x00-\x20\x7f-\xff]+$~D', $url)) { // it may hold a key: not shown
            throw new HeartbeatPingError('the URL is not one to call; give it the form https://heartbeat.example.org');
        }
        return rtrim($url, '/');
    }

    /** Writes evidence below s3://bucket/prefix and says where. */
    private static function write(string $home, array $event): string
    {
        if (!preg_match('~^s3://([^/]+)(?:/(.*?))?/*$~D', $home, $found)) {
            throw new HeartbeatPingError("'$home' is no place in S3; give it the form s3://bucket/prefix");
        }
        if (self::isUuid($event['slug']) || strpos($event['slug'], '://') !== false) {
            throw new HeartbeatPingError("evidence in S3 is named by the job's name: use that, not its uuid or URL");
        }
        $isLog = $event['kind'] === 'log';
        $key = ltrim(($found[2] ?? '') . '/', '/') . $event['slug'] . '/' . ($event['for'] ?? self::day($event));
        $key .= $isLog ? '.log' : '.json';
        $data = $isLog ? $event['body'] : self::evidence($event);
        self::put($found[1], $key, $data, $isLog ? 'text/plain; charset=utf-8' : 'application/json', $event['timeout']);
        return "s3://{$found[1]}/$key";
    }

    private static function evidence(array $event): string
    {
        $status = $event['exit_status'] ?? null;
        $failed = $status === null ? $event['kind'] === 'fail' : (int) $status !== 0;
        $began = $status === null && $event['kind'] === 'start';
        $value = [
            'status' => $began ? 'started' : ($failed ? 'fail' : 'success'),
            'exit_status' => $status === null ? null : (int) $status,
            'duration' => isset($event['duration']) ? (float) $event['duration'] : null,
            'run_id' => $event['run_id'] ?? null,
            'metrics' => self::metrics($event) ?: null,
            'at' => (float) self::number($event['at']),
            'message' => $event['body'] === '' ? null : preg_replace('~^[\x80-\xbf]{1,3}~', '', $event['body']),
        ];
        $value = array_filter($value, static function ($one): bool { return $one !== null; });
        return json_encode($value, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE);
    }

    /** On which the run began: its start and its end shall meet in one object, though midnight lie between them. */
    private static function day(array $event): string
    {
        $began = new DateTimeImmutable('@' . (int) floor(self::number($event['at']) - ($event['duration'] ?? 0)));
        $wanted = self::env('HEARTBEAT_TIMEZONE');
        $machine = [self::env('TZ'), preg_replace('~^.*zoneinfo/~', '', (string) readlink('/etc/localtime'))];
        foreach ($wanted === '' ? $machine : [$wanted] as $name) { // PHP knows only its own setting, not the machine's
            if ($name !== '' && ($zone = timezone_open($name)) !== false) {
                return $began->setTimezone($zone)->format('Y-m-d');
            }
        }
        if ($wanted !== '') {
            throw new HeartbeatPingError("HEARTBEAT_TIMEZONE='$wanted' is no time zone; give it the form Asia/Tokyo");
        }
        return date('Y-m-d', $began->getTimestamp());
    }

    private static function put(string $bucket, string $key, string $data, string $type, float $timeout): void
    {
        $endpoint = rtrim(self::env('AWS_ENDPOINT_URL_S3') ?: self::env('AWS_ENDPOINT_URL'), '/');
        $region = self::env('AWS_REGION') ?: self::setting('AWS_DEFAULT_REGION', "the bucket's region, or set AWS_REGION");
        if (class_exists('Aws\S3\S3Client')) {
            try {
                $client = new \Aws\S3\S3Client(['version' => 'latest', 'region' => $region, 'retries' => self::TRIES - 1,
                    'http' => ['connect_timeout' => $timeout, 'timeout' => $timeout]]
                    + ($endpoint === '' ? [] : ['endpoint' => $endpoint, 'use_path_style_endpoint' => true]));
                $client->putObject(['Bucket' => $bucket, 'Key' => $key, 'Body' => $data, 'ContentType' => $type]);
            } catch (\Throwable $problem) {
                throw new HeartbeatPingError("s3://$bucket/$key was not written ({$problem->getMessage()}); "
                    . 'check the bucket, AWS_REGION and the credentials');
            }
            return;
        }
        $domain = "s3.$region.amazonaws.com" . (strncmp($region, 'cn-', 3) === 0 ? '.cn' : '');
        $path = '/' . implode('/', array_map('rawurlencode', explode('/', $key)));
        if ($endpoint !== '' || strpos($bucket, '.') !== false) { // a bucket's dot does not fit the certificate
            $url = ($endpoint ?: "https://$domain") . "/$bucket$path";
        } else {
            $url = "https://$bucket.$domain$path";
        }
        self::send('PUT', $url, self::signed($url, $region, $data, $type), $data, $timeout, 'AWS_ENDPOINT_URL_S3');
    }

    /** The headers of a PUT with AWS Signature Version 4 (docs.aws.amazon.com: "Signature Calculations"). */
    private static function signed(string $url, string $region, string $data, string $type): array
    {
        $id = self::setting('AWS_ACCESS_KEY_ID', 'the key to write to S3 with, or install aws/aws-sdk-php');
        $secret = self::setting('AWS_SECRET_ACCESS_KEY', "the secret of AWS_ACCESS_KEY_ID");
        $at = gmdate('Ymd\THis\Z');
        $port = parse_url($url, PHP_URL_PORT);
        $headers = array_filter([
            'content-type' => $type,
            'host' => parse_url($url, PHP_URL_HOST) . ($port === null ? '' : ":$port"),
            'x-amz-content-sha256' => hash('sha256', $data),
            'x-amz-date' => $at,
            'x-amz-security-token' => self::env('AWS_SESSION_TOKEN'),
        ]);
        $names = implode(';', array_keys($headers));
        $lines = [];
        foreach ($headers as $name => $value) {
            $lines[] = "$name:$value";
        }
        $request = ['PUT', parse_url($url, PHP_URL_PATH), '', implode("\n", $lines), '', $names, hash('sha256', $data)];
        $scope = [substr($at, 0, 8), $region, 's3', 'aws4_request'];
        $text = ['AWS4-HMAC-SHA256', $at, implode('/', $scope), hash('sha256', implode("\n", $request))];
        $key = array_reduce($scope, static function (string $key, string $part): string {
            return hash_hmac('sha256', $part, $key, true);
        }, "AWS4$secret");
        $signature = hash_hmac('sha256', implode("\n", $text), $key);
        $credential = "Credential=$id/" . implode('/', $scope);
        $lines[] = "authorization:AWS4-HMAC-SHA256 $credential, SignedHeaders=$names, Signature=$signature";
        return $lines;
    }

    private static function send(string $method, string $url, array $headers, string $body, float $timeout, $cause): void
    {
        $ends = hrtime(true) / 1e9 + ($cause === 'HEARTBEAT_URL' ? $timeout : self::TRIES * $timeout);
        for ($tried = 0; ; $tried++) {
            $left = $ends - hrtime(true) / 1e9;
            $sent = $cause === 'HEARTBEAT_URL' ? '&sent=' . self::number(microtime(true)) : ''; // by our clock, as `at` is
            $most = $tried === self::TRIES - 1 ? $left : $left / 2; // so that a server that hangs is asked more than once
            $answer = self::exchange($method, $url . $sent, $headers, $body, $most);
            $status = $answer['status'];
            if (intdiv($status, 100) === 2) {
                return;
            }
            $pause = $timeout * self::BACKOFF * 2 ** $tried * (0.5 + random_int(0, 255) / 255);
            $left = $ends - hrtime(true) / 1e9;
            $pause = min($pause + (float) $answer['retry'], $left / 2);
            $mayPass = $status === 0 || $status === 408 || $status === 429 || $status >= 500;
            if (!$mayPass || $tried === self::TRIES - 1 || $left <= 0) {
                throw new HeartbeatPingError(self::shown($url) . ' ' . self::why($answer, $mayPass, $cause));
            }
            usleep((int) ($pause * 1e6));
        }
    }

    private static function why(array $answer, bool $mayPass, string $cause): string
    {
        if ($answer['status'] === 0) {
            return "cannot be reached ({$answer['text']}); is it up, is $cause right?";
        }
        $said = "answered {$answer['status']} '" . substr($answer['text'], 0, 200) . "'";
        if ($mayPass) {
            return "$said; try later";
        }
        if (intdiv($answer['status'], 100) === 3) {
            return "$said; redirects are not followed: set $cause to the last one";
        }
        $remedy = $cause === 'HEARTBEAT_URL' ? self::REMEDIES[$answer['status']] ?? 'check HEARTBEAT_URL and the ping key'
            : 'check the bucket, AWS_REGION and the credentials';
        return "$said; " . ($answer['hint'] ?: $remedy);
    }

    /** One request. The status is 0 when nothing was answered; then the text is the reason. */
    private static function exchange(string $method, string $url, array $headers, string $body, float $timeout): array
    {
        self::$warned = '';
        [$head, $text] = function_exists('curl_init')
            ? self::overCurl($method, $url, $headers, $body, $timeout)
            : self::overStream($method, $url, $headers, $body, $timeout);
        $found = ['status' => 0, 'retry' => '', 'hint' => '', 'text' => $text];
        foreach ($head as $line) {
            if (preg_match('~^HTTP/\S+ (\d{3})~', $line, $match)) {
                $found['status'] = (int) $match[1];
            } elseif (preg_match('~^(?:(retry)-after:\s*(\d+)|heartbeat-(hint):\s*(.*?))\s*$~i', $line, $match)) {
                $found[strtolower($match[1] ?: $match[3])] = $match[2] ?: $match[4];
            }
        }
        return $found;
    }

    private static function overCurl(string $method, string $url, array $headers, string $body, float $timeout): array
    {
        $head = [];
        $text = '';
        $curl = curl_init($url);
        curl_setopt_array($curl, [
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_POSTFIELDS => $body,
            CURLOPT_HTTPHEADER => array_merge($headers, ['Expect:']),
            CURLOPT_TIMEOUT_MS => max(1, (int) ($timeout * 1000)),
            CURLOPT_SUPPRESS_CONNECT_HEADERS => true, // a proxy's 200 is not the server's
            CURLOPT_NOSIGNAL => true, // else curl would take the job's SIGALRM
            CURLOPT_HEADERFUNCTION => static function ($_, string $line) use (&$head): int {
                $head[] = $line;
                return strlen($line);
            },
            CURLOPT_WRITEFUNCTION => static function ($_, string $part) use (&$text): int {
                $text .= $part;
                return strlen($text) < self::ANSWER_MAX ? strlen($part) : 0; // enough is known
            },
        ]);
        curl_exec($curl);
        return [$head, $head === [] ? curl_error($curl) : $text];
    }

    private static function overStream(string $method, string $url, array $headers, string $body, float $timeout): array
    {
        $http = ['method' => $method, 'header' => array_merge($headers, ['Connection: close']), 'content' => $body,
            'timeout' => $timeout, 'ignore_errors' => true, 'follow_location' => 0, 'protocol_version' => 1.1];
        $ends = hrtime(true) / 1e9 + $timeout;
        $stream = fopen($url, 'rb', false, stream_context_create(['http' => $http]));
        if ($stream === false) {
            return [[], trim(self::$warned)];
        }
        $text = '';
        while (strlen($text) < self::ANSWER_MAX && !feof($stream) && hrtime(true) / 1e9 < $ends) {
            $text .= fread($stream, self::ANSWER_MAX);
        }
        return [stream_get_meta_data($stream)['wrapper_data'] ?? [], $text];
    }

    private static function number($value): string
    {
        $value = $value instanceof DateTimeInterface ? $value->format('U.u') : $value;
        if (!is_numeric($value)) {
            throw new HeartbeatPingError(var_export($value, true) . ' is no number of seconds');
        }
        return sprintf('%.3F', $value);
    }

    private static function timeout(string $kind): float
    {
        $most = $kind === 'start' ? self::START_MAX : 3600.0;
        $text = self::env('HEARTBEAT_TIMEOUT') ?: (string) self::TIMEOUT;
        if (preg_match('~^\d*\.?\d+$~D', $text) && (float) $text > 0) {
            return min((float) $text, $most);
        }
        self::warn("HEARTBEAT_TIMEOUT='$text' is no number of seconds; taking " . self::TIMEOUT);
        return min(self::TIMEOUT, $most);
    }

    private static function env(string $name): string
    {
        $value = getenv($name);
        return trim((string) ($value === false ? $_SERVER[$name] ?? $_ENV[$name] ?? '' : $value)); // where .env readers put it
    }

    private static function setting(string $name, string $remedy): string
    {
        if (($value = self::env($name)) === '') {
            throw new HeartbeatPingError("$name is not set; set it to $remedy");
        }
        return $value;
    }

    private static function isUuid(string $slug): bool
    {
        return preg_match('~^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$~Di', $slug) === 1;
    }

    private static function uuid(): string
    {
        $hex = bin2hex(random_bytes(16));
        $hex[12] = '4';
        $hex[16] = '89ab'[hexdec($hex[16]) % 4];
        return vsprintf('%s%s-%s-%s-%s-%s%s%s', str_split($hex, 4));
    }

    /** As much as may be logged: a URL's path holds a key, and a uuid is one. */
    private static function shown(string $name): string
    {
        return self::isUuid($name) ? substr($name, 0, 8) . '…' : implode('/', array_slice(explode('/', $name, 4), 0, 3));
    }

    /** Without what a server's answer may repeat of our secrets. */
    private static function clean(string $text, string $slug): string
    {
        $secrets = [preg_match('~^https?://[^/]+(/.{3,})~', $slug, $found) ? $found[1] : ''];
        foreach (self::SECRETS as $name) {
            array_push($secrets, self::env($name), rawurlencode(self::env($name)));
        }
        $text = json_decode(json_encode($text, JSON_INVALID_UTF8_SUBSTITUTE)); // half characters must not spoil the log
        $text = str_replace(array_filter($secrets), '…', $text);
        return preg_replace('~\b([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b~i', '$1…', $text);
    }

    private static function warn(string $text): void
    {
        $line = preg_replace('~[\x00-\x1f\x7f]~', ' ', $text);
        $stderr = fopen('php://stderr', 'wb');
        if ($stderr !== false) {
            fwrite($stderr, "heartbeat: $line\n");
        }
    }
}

/** A ping was not delivered: what was wrong, where, and what would be right. */
final class HeartbeatPingError extends \RuntimeException
{
}
