# frozen_string_literal: true

require "json"
require "net/http"
require "securerandom"
require "socket"
require "timeout"
require "uri"

# Tells Heartbeat what a job did, and never breaks the job. One file, Ruby >= 2.7, nothing to install: copy it.
#
#   require_relative "heartbeat"
#   Heartbeat.ping("daily-report")                                # it ran
#   Heartbeat.fail("daily-report", "no rows", exit_status: 3)
#   rows = Heartbeat.run("daily-report") { report }               # start, then success or fail
#
# ping, start, success, fail and log take (slug, body, **options); slug is the job's name, its uuid or its ping URL.
# Options: exit_status (0-255), run_id (uuid), duration (s), at (Time or epoch seconds), for ("2026-11-22"), metrics
# ({ rows: 3 }), create (true), timeout (s), raise_errors (true). The answer is true when it was delivered; else one line on stderr says why.
#
# Environment: HEARTBEAT_URL (https://host or s3://bucket/prefix), HEARTBEAT_PING_KEY, HEARTBEAT_TIMEOUT (5 seconds
# for a ping with all its tries), HEARTBEAT_FALLBACK_S3 (s3://bucket/prefix),
# HEARTBEAT_FALLBACK_SLACK (a webhook), HEARTBEAT_TIMEZONE (of the dates in S3 keys), HEARTBEAT_RAISE=1 (raise
# Heartbeat::PingError instead of the line). S3 needs the gem aws-sdk-s3.
module Heartbeat
  # A ping was not delivered: what was wrong, where, and what would be right.
  class PingError < StandardError; end

  TRIES = 3
  TIMEOUT = 5.0 # seconds for a ping with all its tries
  START_MAX = 2.0 # of them for a start: the work waits for it, and the end says as much
  BACKOFF = 0.05 # of the timeout: the pause before the second try, doubled before the third
  BODY_MAX = 10_000 # bytes; the server keeps no more
  ANSWER_MAX = 200
  OPTIONS = %i[exit_status run_id duration at for metrics create timeout raise_errors].freeze
  SECRETS = %w[HEARTBEAT_PING_KEY HEARTBEAT_FALLBACK_SLACK AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN].freeze
  UUID = /\A\h{8}(-\h{4}){3}-\h{12}\z/.freeze
  URL = %r{\Ahttps?://[\x21-\x7e&&[^?#@]]+\z}.freeze
  REMEDIES = {
    400 => "check the exit status (0-255), run_id (a uuid) and for",
    404 => "check the job's name and HEARTBEAT_PING_KEY, or pass create: true to have the job made",
    409 => "several jobs have this name: use the job's uuid"
  }.freeze
  private_constant :TRIES, :TIMEOUT, :START_MAX, :BACKOFF, :BODY_MAX, :ANSWER_MAX, :OPTIONS, :SECRETS, :UUID, :URL, :REMEDIES

  class << self
    def ping(slug, body = nil, **options)
      tell("success", slug, body, options)
    end
    alias success ping

    def start(slug, body = nil, **options)
      tell("start", slug, body, options)
    end

    def fail(slug, body = nil, **options)
      tell("fail", slug, body, options)
    end

    # Leaves a note with the job; it changes no verdict.
    def log(slug, body = nil, **options)
      tell("log", slug, body, options)
    end

    # Runs the block (a block with a parameter is given the run id) and returns what it returns. What it raises is
    # reported and raised on.
    def run(slug, **options, &block)
      options = { run_id: run_of(slug) || SecureRandom.uuid }.merge(options)
      tell("start", slug, nil, options)
      began = monotonic
      process = Process.pid
      left = nil
      begin
        result = noting_timeouts(->(why) { left = why }) { block.arity == 1 ? yield(options[:run_id]) : yield }
      rescue Exception => error # rubocop:disable Lint/RescueException - whatever it is, the job did not do its work
        raise
      ensure
        options[:duration] = (monotonic - began).round(3)
        left ||= "its thread was killed" if Thread.current.status == "aborting"
        report(error, left, slug, options) if Process.pid == process # else we are a forked child: it is not our run
      end
      result
    end

    private

    def report(error, left, slug, options)
      return tell("success", slug, nil, options) unless error || left # also by return, break or throw

      options = options.merge(raise_errors: false) # it is the job's own error that goes on
      if error.is_a?(SystemExit)
        said = error.message unless ["exit", error.class.name].include?(error.message) # abort("why")
        # Cut to 8 bits as the system does, but exit(256) was not meant as success.
        error.success? ? tell("success", slug, nil, options)
                       : tell("fail", slug, said, { exit_status: (error.status & 0xFF).nonzero? || 1 }.merge(options))
      elsif error
        tell("fail", slug, error.full_message(highlight: false, order: :bottom), options) # messages show the end
      else
        tell("fail", slug, "the block did not come to its end: #{left}", options)
      end
    end

    # Timeout.timeout of Ruby <= 3.1 leaves the block as a return does, without an error: listen for it, if one is around.
    def noting_timeouts(note, &block)
      return yield unless Timeout::Error.method_defined?(:exception, false) && caller.grep(/\/timeout\.rb:/).any?

      around = ObjectSpace.each_object(Timeout::Error).select { |one| one.thread == Thread.current }
      TracePoint.new(:call) do |call|
        thrown = call.self.instance_variable_get(:@catch_value)
        note.call("execution expired") if around.any? { |one| one.equal?(thrown) }
      end.enable(target: Timeout::Error.instance_method(:exception), &block)
    end

    def tell(kind, name, body, options)
      return true unless ["", "0"].include?(env("HEARTBEAT_DISABLED"))

      slug = name.to_s.dup.force_encoding(Encoding::UTF_8).scrub
      status = options[:exit_status]
      what = "#{status ? "exit status #{status}" : kind} of '#{shown(slug)}'"
      unknown = options.keys - OPTIONS
      raise PingError, "there is no option #{unknown.join(", ")}; there are #{OPTIONS.join(", ")}" if unknown.any?

      body = body.to_s.b
      body = body.byteslice(-BODY_MAX, BODY_MAX) if body.bytesize > BODY_MAX
      deliver({ run_id: run_of(slug) }.merge(numbers(kind, options), { kind: kind, slug: slug, body: body }), what)
    rescue StandardError => error
      why = clean(error.is_a?(PingError) ? error.message : error.inspect, slug.to_s)
      raises = options.fetch(:raise_errors) { !["", "0"].include?(env("HEARTBEAT_RAISE")) }
      raise PingError, why if raises

      warn_of("#{what || kind} was not delivered: #{why}")
      false
    end

    # The run that Heartbeat's trigger started, if it is one of this job.
    def run_of(slug)
      id = env("HEARTBEAT_RUN_ID")
      id unless id.empty? || env("HEARTBEAT_JOB") != slug.to_s
    end

    def numbers(kind, options)
      { at: epoch(options[:at] || Time.now), duration: options[:duration] && Float(options[:duration]),
        timeout: options[:timeout] ? Float(options[:timeout]) : timeout(kind) }.then { |read| options.merge(read) }
    end

    def deliver(event, what)
      slug = event[:slug]
      if env("HEARTBEAT_URL").start_with?("s3://")
        write(env("HEARTBEAT_URL"), event)
      else
        begin
          post(event)
        rescue StandardError => error
          shelf = env("HEARTBEAT_FALLBACK_S3")
          raise if shelf.empty? || event[:kind] == "log"

          why = message(error)
          place = shelve(shelf, event, why)
          warn_of("#{what} was not delivered: #{clean(why, slug)}; evidence was written to #{place} instead")
        end
      end
      true
    rescue StandardError => error
      why = message(error)
      raise PingError, why + tell_slack("#{what} on #{Socket.gethostname} (#{clean(why, slug)})", event)
    end

    def shelve(shelf, event, why)
      write(shelf, event)
    rescue StandardError => error
      raise PingError, "#{why}; nor was evidence written: #{message(error)}"
    end

    # What became of it, in words.
    def tell_slack(text, event)
      webhook = env("HEARTBEAT_FALLBACK_SLACK")
      return "" if webhook.empty? || !%w[success fail].include?(event[:kind])

      escaped = "Heartbeat could not be told: #{text}".gsub("&", "&amp;").gsub("<", "&lt;").gsub(">", "&gt;")
      problem, = try_once(URI(webhook), JSON.generate(text: escaped), { "Content-Type" => "application/json" },
                          event[:timeout], "HEARTBEAT_FALLBACK_SLACK")
      problem ? "; Slack could not be told either" : "; Slack was told"
    rescue StandardError
      "; Slack could not be told either"
    end

    def post(event)
      step = event[:exit_status] || { "success" => nil }.fetch(event[:kind], event[:kind])
      query = { rid: event[:run_id], for: event[:for], duration: event[:duration],
                at: format("%.3f", event[:at]), create: event[:create] ? "1" : nil, metric: metrics(event).map { |name, number| "#{name}:#{number}" } }
      uri = URI("#{[url(event[:slug]), step].compact.join("/")}?#{URI.encode_www_form(query.compact)}")
      problem = within(event[:timeout], shown(uri.to_s)) { try_often(uri, event[:body], event[:timeout]) }
      raise PingError, "#{shown(uri.to_s)} #{problem}" if problem
    end

    def metrics(event)
      (event[:metrics] || {}).each do |name, number|
        next if number.is_a?(Numeric) && number.to_f.finite?

        raise PingError, "the metric '#{name}' is no number: #{number.inspect}"
      end
    end

    def url(slug)
      return checked(slug) if slug.start_with?("http://", "https://")

      base = checked(setting("HEARTBEAT_URL", "the server's address, like https://heartbeat.example.org")).delete_suffix("/ping")
      return "#{base}/ping/#{slug.downcase}" if UUID.match?(slug)

      key = setting("HEARTBEAT_PING_KEY", "the ping key, or name the job by its uuid")
      [base, "ping", escape(key), escape(slug)].join("/")
    end

    def checked(url)
      return url.sub(%r{/+\z}, "") if URL.match?(url)

      raise PingError, "the URL is not one to call; give it the form https://heartbeat.example.org" # it may hold a key
    end

    def escape(text)
      URI.encode_www_form_component(text).gsub("+", "%20")
    end

    # In a thread that can be left behind: Net::HTTP's timeouts do not bound an answer that drips.
    def within(seconds, place, &block)
      thread = Thread.new(&block)
      thread.report_on_exception = false
      return thread.value if thread.join(seconds)

      thread.kill
      raise PingError, "#{place} did not answer within #{seconds.round(3)} s; is it up?"
    end

    def try_often(uri, data, timeout)
      headers = { "Heartbeat-Id" => SecureRandom.hex, # the same for every try, so that a ping counts once
                  "User-Agent" => "heartbeat-ruby", "Content-Type" => "text/plain; charset=utf-8" }
      ends = monotonic + timeout
      TRIES.times do |tried|
        left = ends - monotonic
        most = tried == TRIES - 1 ? left : left / 2 # so that a server that hangs is asked more than once
        stamped = URI("#{uri}&sent=#{format("%.3f", Time.now.to_f)}") # by our clock, as `at` is
        problem, wait = try_once(stamped, data, headers, most, "HEARTBEAT_URL")
        left = ends - monotonic
        return problem if wait.nil? || tried == TRIES - 1 || left <= 0

        sleep([wait + (timeout * BACKOFF * (2**tried) * (0.5 + SecureRandom.random_number)), left / 2].min)
      end
    end

    # What went wrong (nothing: nil), and the seconds the server wants before the next try (nil: do not try).
    def try_once(uri, data, headers, timeout, cause)
      http = Net::HTTP.new(uri.hostname, uri.port) # with the environment's proxy
      http.use_ssl = uri.scheme == "https"
      http.open_timeout = http.read_timeout = http.write_timeout = http.ssl_timeout = timeout
      request = Net::HTTP::Post.new(uri.request_uri, headers)
      request.body = data
      http.start { http.request(request) { |answer| return judge(answer, cause) } }
    rescue StandardError => error
      ["cannot be reached (#{message(error)}); is it up, is #{cause} right?", 0]
    end

    def judge(answer, cause)
      status = answer.code.to_i
      return [nil, nil] if (200..299).cover?(status)

      text = +""
      answer.read_body { |part| break if (text << part).bytesize >= ANSWER_MAX }
      said = "answered #{status} '#{text.byteslice(0, ANSWER_MAX).force_encoding(Encoding::UTF_8).scrub}'"
      if [408, 429].include?(status) || status >= 500
        wait = answer["Retry-After"].to_s
        return ["#{said}; try later", wait.match?(/\A\d+\z/) ? wait.to_i : 0]
      end
      remedy = "redirects are not followed: set #{cause} to the last one" if (300..399).cover?(status)
      remedy ||= answer["Heartbeat-Hint"] || REMEDIES[status] || "check #{cause} and the ping key"
      ["#{said}; #{remedy}", nil]
    end

    # Writes evidence below s3://bucket/prefix and says where.
    def write(home, event)
      bucket, prefix = home[%r{\As3://(.+?)/*\z}, 1].to_s.split("/", 2)
      raise PingError, "'#{home}' is no place in S3; give it the form s3://bucket/prefix" if bucket.to_s.empty?
      if UUID.match?(event[:slug]) || event[:slug].include?("://")
        raise PingError, "evidence in S3 is named by the job's name: use that, not its uuid or URL"
      end

      key = [prefix, event[:slug], (event[:for] || day(event)).to_s].compact.join("/")
      if event[:kind] == "log"
        put(bucket, key += ".log", event[:body], "text/plain; charset=utf-8", event[:timeout])
      else
        put(bucket, key += ".json", JSON.generate(evidence(event)), "application/json", event[:timeout])
      end
      "s3://#{bucket}/#{key}"
    end

    def evidence(event)
      status = event[:exit_status] || { "fail" => 1, "start" => nil }.fetch(event[:kind], 0)
      message = event[:body].sub(/\A[\x80-\xBF]{1,3}/n, "").force_encoding(Encoding::UTF_8).scrub
      { status: { nil => "started", 0 => "success" }.fetch(status, "fail"), exit_status: event[:exit_status],
        duration: event[:duration], run_id: event[:run_id], at: event[:at].round(3),
        metrics: metrics(event).empty? ? nil : metrics(event),
        message: message.empty? ? nil : message }.compact
    end

    def put(bucket, key, data, type, timeout)
      begin
        require "aws-sdk-s3"
      rescue LoadError
        raise PingError, "s3:// needs the AWS SDK: gem install aws-sdk-s3"
      end
      problem = within(TRIES * timeout, "s3://#{bucket}/#{key}") do
        client(timeout).put_object(bucket: bucket, key: key, body: data, content_type: type) && nil
      rescue StandardError => error
        "was not written (#{error.class.name.split("::").last}: #{message(error)}); check the bucket, AWS_REGION and the credentials"
      end
      raise PingError, "s3://#{bucket}/#{key} #{problem}" if problem
    end

    def client(timeout)
      endpoint = [env("AWS_ENDPOINT_URL_S3"), env("AWS_ENDPOINT_URL")].find { |one| !one.empty? }
      region = [env("AWS_REGION"), env("AWS_DEFAULT_REGION")].find { |one| !one.empty? }
      options = { endpoint: endpoint, force_path_style: endpoint ? true : nil, region: region }.compact
      Aws::S3::Client.new(**options, retry_limit: TRIES - 1, http_open_timeout: timeout, http_read_timeout: timeout)
    end

    def epoch(at)
      at.respond_to?(:to_time) && !at.is_a?(String) ? at.to_time.to_f : Float(at)
    end

    # On which the run began: its start and its end shall meet in one object, though midnight lie between them.
    def day(event)
      began = Time.at(event[:at] - event[:duration].to_f)
      zone = env("HEARTBEAT_TIMEZONE")
      return began.strftime("%F") if zone.empty?
      return began.utc.strftime("%F") if zone == "UTC"
      unless zone.match?(%r{\A[\w+-]+(/[\w+-]+)*\z}) && File.file?(File.join("/usr/share/zoneinfo", zone))
        raise PingError, "HEARTBEAT_TIMEZONE='#{zone}' is no time zone known here; give it the form Asia/Tokyo"
      end

      # TZ of our own process belongs to all its threads; the first form is GNU's and BusyBox's, the second BSD's.
      ask = "date -d @#{began.to_i} +%F 2>/dev/null || date -r #{began.to_i} +%F"
      IO.popen({ "TZ" => zone }, ["/bin/sh", "-c", ask], &:read).strip
    end

    def timeout(kind)
      text = env("HEARTBEAT_TIMEOUT")
      most = kind == "start" ? START_MAX : 3600.0
      return [text.to_f, most].min if text.match?(/\A\d*\.?\d+\z/) && text.to_f.positive?

      warn_of("HEARTBEAT_TIMEOUT='#{text}' is no number of seconds; taking #{TIMEOUT.to_i}") unless text.empty?
      [TIMEOUT, most].min
    end

    def env(name)
      ENV.fetch(name, "").dup.force_encoding(Encoding::UTF_8).scrub.strip
    end

    def setting(name, remedy)
      env(name).empty? ? raise(PingError, "#{name} is not set; set it to #{remedy}") : env(name)
    end

    def monotonic
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end

    def message(error)
      error.message.dup.force_encoding(Encoding::UTF_8).scrub
    end

    # As much as may be logged: a URL's path holds a key, and a uuid is one.
    def shown(name)
      UUID.match?(name) ? "#{name[0, 8]}…" : name.split("/", 4).first(3).join("/")
    end

    # Without what a server's answer may repeat of our secrets.
    def clean(text, slug)
      secrets = SECRETS.map { |name| env(name) }
      secrets += [escape(secrets[0]), slug[%r{\Ahttps?://[^/]+(/.{3,})}, 1].to_s]
      secrets.reject(&:empty?).reduce(text.dup.force_encoding(Encoding::UTF_8).scrub) { |line, secret| line.gsub(secret, "…") }
             .gsub(/\b(\h{8})(-\h{4}){3}-\h{12}\b/, '\1…')
    end

    def warn_of(text)
      $stderr.write("heartbeat: #{text.scrub.gsub(/[[:cntrl:]]/, " ")}\n")
    rescue IOError, SystemCallError, NoMethodError # no stderr, or a closed one: nobody to tell
      nil
    end
  end
end
