EVERY_15_MINUTES = "*/15 * * * *"
Rails.application.configure do
  config.good_job.cron = {
    questions: { cron: EVERY_15_MINUTES, class: "RemindersJob" },
    candles: { cron: ENV.fetch("CANDLES", "5 * * * *"), class: "CandlesJob" },
    lambda_args: { cron: "every 2 hours", class: "LambdaJob", args: -> { [Time.now, { a: 1 }] }, kwargs: { name: "x, }" } }
  }
  config.good_job.cron[:late] = { class: "LateJob", cron: "0 42 16 * * *" }
end
