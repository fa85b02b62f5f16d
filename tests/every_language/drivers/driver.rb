# frozen_string_literal: true

# Calls the Ruby client as a list of calls says: `driver.rb CALLS RESULTS` (JSON; the file to write to).

require "json"
require_relative "../../../clients/ruby/heartbeat"

def body(call)
  return call["base64"].unpack1("m") if call.key?("base64")

  (call["body"] * call.fetch("times", 1)) + call.fetch("end", "") if call.key?("body")
end

def work(call)
  raise call["text"] if call["do"] == "raise"

  exit(call["status"]) if call["do"] == "exit"
  if call["do"] == "fork" # the child leaves the block by one of the ways above; the parent waits, and goes on
    child = fork
    return work(call.merge("do" => call["child"])) unless child

    Process.wait(child)
  end
  return result(call.merge("do" => "return")) if call["do"] == "nest"

  call["text"]
end

def result(call)
  return ENV.update(call["environ"]) && nil if call["call"] == "set"

  call["slug"] = call["slug_base64"].unpack1("m") if call.key?("slug_base64")
  options = call.fetch("options", {}).transform_keys(&:to_sym)
  return Heartbeat.public_send(call["call"], call["slug"], body(call), **options) if call["call"] != "run"

  Heartbeat.run(call["slug"], **options) do
    return work(call) if call["do"] == "leave" # as in a method of the job's

    work(call)
  end
rescue StandardError => error
  raise unless call["catch"]

  "#{error.class}: #{error.message}"
end

process = Process.pid
at_exit { exit!(0) if Process.pid != process }
results = JSON.parse(ARGV[0]).map { |call| result(call) }
File.write(ARGV[1], JSON.generate(results)) if Process.pid == process
