Rails.application.configure do
  config.good_job.enable_cron = true
  config.good_job.cron = {
    steam_sync: {
      cron: "0 0 * * *", # every night
      class: "Steam::SyncJob",
      args: [42, "life"],
      set: { priority: -10 },
      description: "Fetching players, every day"
    },
    "old style" => { :cron => '*/15 * * * *', :class => 'OldJob' },
  }
end
