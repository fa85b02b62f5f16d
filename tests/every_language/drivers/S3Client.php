<?php

// Stands for the S3 client of aws/aws-sdk-php: keeps what it was called with, in the file "sdk" beside the job.

namespace Aws\S3;

final class S3Client
{
    private $options;

    public function __construct(array $options)
    {
        $this->options = $options;
    }

    public function putObject(array $object): void
    {
        if ($object['Bucket'] === 'denied') {
            throw new \RuntimeException("Error executing \"PutObject\":\nAccessDenied");
        }
        file_put_contents('sdk', json_encode([$this->options, $object]));
    }
}
