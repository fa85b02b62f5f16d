class Engine < Rails::Engine
  # config.good_job.cron = { none: { cron: "* * * * *" } }
  config.good_job = { execution_mode: :async, cron: { example: { cron: "0 * * * * Asia/Tokyo", class: "ExampleJob" } } }
end
