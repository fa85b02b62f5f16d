<?php
namespace App\Console\Commands;

use Illuminate\Console\Command;

class DailyReport extends Command
{
    protected $signature = 'report:daily';

    public function handle(): int
    {
        $this->line(getenv('JOB_FAILS') ? 'no disk left' : '312 rows');

        return getenv('JOB_FAILS') ? 3 : 0;
    }
}
