<?php

// Calls the PHP client as a list of calls says: `driver.php CALLS RESULTS` (JSON; the file to write to).

require __DIR__ . '/../../../clients/php/Heartbeat.php';

set_error_handler(static function (int $_, string $text): bool { // as Laravel and others have it
    throw new ErrorException($text);
});

function body(array $call): ?string
{
    if (isset($call['base64'])) {
        return base64_decode($call['base64']);
    }
    return isset($call['body']) ? str_repeat($call['body'], $call['times'] ?? 1) . ($call['end'] ?? '') : null;
}

function work(array $call): string
{
    if ($call['do'] === 'raise') {
        throw new RuntimeException($call['text']);
    }
    if ($call['do'] === 'exit') {
        exit($call['status']);
    }
    if ($call['do'] === 'fork') { // the child leaves the block by one of the ways above; the parent waits, and goes on
        $child = pcntl_fork();
        if ($child === 0) {
            return work(['do' => $call['child']] + $call);
        }
        pcntl_waitpid($child, $status);
    }
    if ($call['do'] === 'nest') {
        return result(['do' => 'return'] + $call);
    }
    return $call['text'];
}

function result(array $call)
{
    $options = $call['options'] ?? [];
    if ($call['call'] === 'set') {
        foreach ($call['environ'] as $name => $value) {
            putenv("$name=$value");
        }
        return null;
    }
    $call['slug'] = isset($call['slug_base64']) ? base64_decode($call['slug_base64']) : $call['slug'];
    try {
        if ($call['call'] !== 'run') {
            return Heartbeat::{$call['call']}($call['slug'], body($call), $options);
        }
        return Heartbeat::run($call['slug'], static function () use ($call): string {
            return work($call);
        }, $options);
    } catch (Exception $error) {
        if (empty($call['catch'])) {
            throw $error;
        }
        return get_class($error) . ': ' . $error->getMessage();
    }
}

$process = getmypid();
$results = array_map('result', json_decode($argv[1], true));
if (getmypid() === $process) {
    file_put_contents($argv[2], json_encode($results));
}
