# frozen_string_literal: true

# What Rails does around the files of the page, with its own parts: database, routes, controllers, jobs, a server. No
# railties, so no files are loaded by name. Says its port in the file `port.NAME`, and each batch that ran in the file `ran`.
$LOAD_PATH.unshift(File.join(__dir__, "lib"))
require "logger"
require "action_controller"
require "active_job"
require "active_record"
require "rack/handler/webrick"

NAME = ARGV.fetch(0)

# The app's own work.
module Batch
  def self.ran(what)
    File.write("ran", "#{NAME} #{what}\n", mode: "a")
  end

  module Daily
    def self.execute
      Batch.ran("daily")
    end
  end

  module Monthly
    def self.execute
      Batch.ran("monthly")
    end
  end

  module Hourly
    def self.execute
      Batch.ran("hourly")
    end
  end

  module Weekly
    def self.execute
      Batch.ran("weekly")
      raise ArgumentError, "no disk left"
    end
  end
end

# Stands in for the application: what config/routes.rb asks of it.
module Rails
  def self.application
    @application ||= Struct.new(:routes).new(ActionDispatch::Routing::RouteSet.new)
  end
end

class ApplicationJob < ActiveJob::Base; end

class ApplicationRecord < ActiveRecord::Base
  self.abstract_class = true
end

def migrate
  File.open("migrated", File::CREAT) do |file|
    file.flock(File::LOCK_EX) # one instance does it, as one deployment does
    ActiveRecord::Migration.suppress_messages { CreateBatchRuns.migrate(:up) } unless ActiveRecord::Base.connection.table_exists?(:batch_runs)
  end
end

ActiveJob::Base.queue_adapter = :async
ActiveJob::Base.logger = ActiveRecord::Base.logger = Logger.new(IO::NULL)
ActiveRecord::Base.establish_connection(adapter: "sqlite3", database: "app.sqlite3", timeout: 10_000)
%w[app/jobs app/controllers db/migrate config].each do |folder|
  Dir[File.join(__dir__, folder, "*.rb")].sort.each { |file| require file }
end
migrate
ApplicationRecord.descendants.each(&:columns_hash) # as Rails does in production
ActiveRecord::Base.clear_all_connections!

# SQLite is no server: who waits for another one's lock does not let its own threads go on.
app = lambda do |environ|
  File.open("turn", File::CREAT) do |file|
    file.flock(File::LOCK_EX)
    Rails.application.routes.call(environ)
  ensure
    ActiveRecord::Base.clear_all_connections!
  end
end
quiet = { Logger: WEBrick::Log.new(IO::NULL), AccessLog: [] }
Rack::Handler::WEBrick.run(app, Host: "127.0.0.1", Port: 0, **quiet) do |server|
  trap("TERM") { server.shutdown }
  port = server.listeners.first.addr[1]
  File.write("port.#{NAME}.new", port.to_s)
  File.rename("port.#{NAME}.new", "port.#{NAME}")
end
