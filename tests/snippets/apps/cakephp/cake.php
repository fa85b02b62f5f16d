<?php
// Not CakePHP: the four names of it that the snippet uses, as CakePHP 4 and 5 declare them, and the job's own work.
namespace Cake\Console {
    class Arguments
    {
    }

    class ConsoleIo
    {
        public function out($message = '', int $newlines = 1): ?int
        {
            echo $message, str_repeat("\n", $newlines);

            return strlen($message);
        }
    }
}

namespace Cake\Command {
    use Cake\Console\Arguments;
    use Cake\Console\ConsoleIo;

    abstract class Command
    {
        public const CODE_SUCCESS = 0;

        /** @return int|null|void */
        abstract public function execute(Arguments $args, ConsoleIo $io);
    }
}

namespace App\Report {
    class DailyReport
    {
        public static function make(): int
        {
            if (getenv('JOB_FAILS')) {
                throw new \RuntimeException('no disk left');
            }

            return 312;
        }
    }
}

namespace {
    require __DIR__ . '/lib/Heartbeat.php';
    require __DIR__ . '/src/Command/DailyReportCommand.php';

    exit((new App\Command\DailyReportCommand())->execute(new Cake\Console\Arguments(), new Cake\Console\ConsoleIo()));
}
