-- Posts the lines of a file one after the other, or the whole file again and again, and writes down what came of it.
local MOST_LINES = 60000
local bodies, next_body = {}, 0

function init(arguments)
  local file = assert(io.open(os.getenv("LOAD_BODY"), "rb"))
  if os.getenv("LOAD_LINES") == "1" then
    local first, number = tonumber(os.getenv("LOAD_FIRST")), 0
    for line in file:lines() do
      if number >= first then bodies[#bodies + 1] = line end
      number = number + 1
      if #bodies == MOST_LINES then break end
    end
  else
    bodies[1] = file:read("*a")
  end
  file:close()
  wrk.method = "POST"
  wrk.headers["Content-Type"] = os.getenv("LOAD_TYPE")
  if os.getenv("LOAD_FRESH") == "1" then wrk.headers["Connection"] = "close" end
end

function request()
  next_body = next_body % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[next_body])
end

-- The first answer that is none shows what went wrong better than a count does.
local shown = false
function response(status, headers, body)
  if status >= 300 and not shown then
    shown = true
    io.stderr:write(status, " ", body:sub(1, 300), "\n")
  end
end

function done(summary, latency, requests)
  local file = assert(io.open(os.getenv("LOAD_RESULT"), "w"))
  local errors = summary.errors
  file:write(string.format(
    '{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"refused":%d,"broken":%d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
  file:close()
end
