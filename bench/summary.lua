-- The summary of a wrk run as one line of JSON. Nothing here runs while requests are being sent, but for those that carry X-Once.
init = function(args)
  if wrk.headers["X-Once"] then
    local number = 0
    request = function()
      number = number + 1
      wrk.headers["X-Once"] = number
      return wrk.format()
    end
  end
end

done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'SUMMARY {"requests": %d, "microseconds": %d, "bytes": %d, "p50": %d, "p99": %d, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
