# frozen_string_literal: true

# What Rails does around the snippets, with its own parts: routes, controllers, jobs. No railties, so no files are loaded by name.
$LOAD_PATH.unshift(File.join(__dir__, "lib"))
require "logger"
require "action_controller"
require "active_job"

# The job's own work.
module DailyReport
  def self.make
    raise ArgumentError, "no disk left" if ENV["JOB_FAILS"]

    312
  end
end

# Stands in for the application: what config/routes.rb asks of it.
module Rails
  def self.application
    @application ||= Struct.new(:routes).new(ActionDispatch::Routing::RouteSet.new)
  end
end

class ApplicationJob < ActiveJob::Base; end

ActiveJob::Base.queue_adapter = :inline
ActiveJob::Base.logger = Logger.new(IO::NULL)

def post(path, token)
  headers = { "HTTP_AUTHORIZATION" => "Token #{token}" }
  answer = Rack::MockRequest.new(Rails.application.routes).post(path, headers)
  puts answer.status, answer.body
end

what, *arguments = ARGV
if what == "job"
  require_relative "app/jobs/daily_report_job"
  job = DailyReportJob.new
  puts job.job_id
  job.enqueue
else
  require_relative "app/controllers/reports_controller"
  require_relative "config/routes"
  post(*arguments)
end
