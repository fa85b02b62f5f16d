<?php

return [
    'env' => 'production',
    'timezone' => 'UTC',
    'providers' => [
        Illuminate\Cache\CacheServiceProvider::class,
        Illuminate\Filesystem\FilesystemServiceProvider::class,
    ],
    'aliases' => [],
];
