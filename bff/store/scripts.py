"""The Lua scripts for steps that must be atomic inside the store.

Public: `PUT`, `PUT_SHADOW`, `SWAP`, `HEARTBEAT`, `HEARTBEAT_OF_PART`, `ANNOUNCE`, `LEASE`, `RELEASE`, `JOIN`.
Each is safe to run twice. Times are the store's own, so that ages are right whatever the clocks of its clients say.
"""

# RFC 3339 from Unix milliseconds; the store's Lua has no date functions. Days to civil date as Howard Hinnant
# describes it (https://howardhinnant.github.io/date_algorithms.html).
_CLOCK = """
local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function rfc3339(ms)
  local s = math.floor(ms / 1000)
  local z = math.floor(s / 86400) + 719468
  local rest = s % 86400
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local day = doy - math.floor((153 * mp + 2) / 5) + 1
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, day,
    math.floor(rest / 3600), math.floor(rest % 3600 / 60), rest % 60, ms % 1000)
end
local function message(topic, epoch, n, as_of, state, data, more)
  return '{"topic":"' .. topic .. '","seq":["' .. epoch .. '",' .. string.format('%.0f', n) .. '],"as_of":' ..
    as_of .. ',"state":"' .. state .. '","data":' .. data .. (more or '') .. '}'
end
-- What was published last of a feed, or of the part of it that is given where that was.
local function announced_state(feed, part)
  local state = part and redis.call('HGET', part, 'announced_state')
  if state and state ~= '' then return state end
  return redis.call('HGET', feed, 'announced_state') or 'live'
end
-- A server that was promoted, or that was started again from its disk, may lack what was counted last before it: going
-- on from there would give numbers a second time. Such a server names another history of its own, so it counts anew.
local function store_epoch(key, candidate)
  local history = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or 'none'
  local ending = '_' .. string.sub(history, 1, 12)
  local held = redis.call('GET', key)
  if held and string.sub(held, -#ending) == ending then return held end
  redis.call('SET', key, candidate .. ending)
  return candidate .. ending
end
"""

# KEYS record, store epoch, feed, part of it or none · ARGV topic, data, feed, candidate epoch, epoch or '', n, keep_s,
# part of what is under one sequence; epoch and n that the record must be of, or neither -> 1 if applied
PUT = (
    _CLOCK
    + """
local old = redis.call('HMGET', KEYS[1], 'data', 'epoch', 'n', 'part')
local changed = old[1] ~= ARGV[2]
if ARGV[9] and (old[2] ~= ARGV[9] or old[3] ~= ARGV[10]) then return 0 end
local epoch, n
if ARGV[5] ~= '' then
  epoch, n = ARGV[5], tonumber(ARGV[6])
  -- Epochs that are handed in sort by time: a writer that was held up must not undo a later one's work.
  if old[2] and old[2] > epoch then return 0 end
  if old[2] == epoch then
    local stands = tonumber(old[3])
    if stands > n or stands == n and tonumber(old[4] or 0) >= tonumber(ARGV[8]) then return 0 end
  end
else
  epoch = store_epoch(KEYS[2], ARGV[4])
  n = old[2] == epoch and tonumber(old[3]) or 0
  if changed then n = n + 1 end
end
local ms = now_ms()
redis.call('HSET', KEYS[1], 'data', ARGV[2], 'feed', ARGV[3], 'epoch', epoch,
  'n', string.format('%.0f', n), 'as_of', string.format('%.0f', ms))
if ARGV[8] ~= '0' then redis.call('HSET', KEYS[1], 'part', ARGV[8]) else redis.call('HDEL', KEYS[1], 'part') end
if ARGV[7] ~= '0' then redis.call('EXPIRE', KEYS[1], ARGV[7]) else redis.call('PERSIST', KEYS[1]) end
if changed then
  local state = announced_state(KEYS[3], KEYS[4])
  redis.call('PUBLISH', 'live:' .. ARGV[1], message(ARGV[1], epoch, n, '"' .. rfc3339(ms) .. '"', state, ARGV[2]))
end
return 1
"""
)

# KEYS shadow · ARGV data, feed, epoch, n, keep_s, milliseconds until it is forgotten
PUT_SHADOW = (
    _CLOCK
    + """
redis.call('HSET', KEYS[1], 'data', ARGV[1], 'feed', ARGV[2], 'epoch', ARGV[3], 'n', ARGV[4],
  'as_of', string.format('%.0f', now_ms()), 'keep_s', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return 1
"""
)

# KEYS feed, then record and shadow of each topic, then part of the feed or none · ARGV epoch, n, topics -> 1 swapped,
# 0 the first record is as new
SWAP = (
    _CLOCK
    + """
local first = redis.call('HMGET', KEYS[2], 'epoch', 'n')
if first[1] and first[1] > ARGV[1] then return 0 end
if first[1] == ARGV[1] and tonumber(first[2]) >= tonumber(ARGV[2]) then return 0 end
local state = announced_state(KEYS[1], KEYS[2 * #ARGV - 2])
for i = 3, #ARGV do
  local record, shadow = KEYS[2 * i - 4], KEYS[2 * i - 3]
  local new = redis.call('HMGET', shadow, 'data', 'epoch', 'n', 'as_of', 'keep_s')
  if new[1] then
    local old = redis.call('HGET', record, 'data')
    redis.call('RENAME', shadow, record)
    redis.call('HDEL', record, 'keep_s')
    if new[5] ~= '0' then redis.call('EXPIRE', record, new[5]) else redis.call('PERSIST', record) end
    if old ~= new[1] then
      local as_of = '"' .. rfc3339(tonumber(new[4])) .. '"'
      redis.call('PUBLISH', 'live:' .. ARGV[i], message(ARGV[i], new[2], tonumber(new[3]), as_of, state, new[1]))
    end
  else
    redis.call('DEL', record)
  end
end
return 1
"""
)

# KEYS feed · ARGV reported state, detail, data -> 1 when nothing that was announced has changed, else 0
HEARTBEAT = (
    _CLOCK
    + """
redis.call('HSET', KEYS[1], 'state', ARGV[1], 'detail', ARGV[2], 'data', ARGV[3])
redis.call('HDEL', KEYS[1], 'parts')
if ARGV[1] == 'live' then redis.call('HSET', KEYS[1], 'heard', string.format('%.0f', now_ms())) end
local announced = redis.call('HMGET', KEYS[1], 'announced_state', 'announced_data')
if announced[1] == ARGV[1] and announced[2] == ARGV[3] then return 1 end
return 0
"""
)

# KEYS feed, then the parts that it is made of · ARGV which of the keys is the part, reported state, detail, data -> as
# HEARTBEAT, of the part. In one step: none that is well can call the feed live after another has called it stale.
# `parts` says how many there are, and with which data that was said: a writer of the release before, which may count
# otherwise, changes the data alone.
HEARTBEAT_OF_PART = (
    _CLOCK
    + """
local part, heard, least = KEYS[tonumber(ARGV[1])], now_ms(), ARGV[4]
local count = string.format('%d ', #KEYS - 1)
local function all_are_live()
  for i = 2, #KEYS do
    local each = redis.call('HMGET', KEYS[i], 'state', 'data', 'heard', 'parts')
    if each[1] ~= 'live' or not each[2] then return false end
    if each[2] ~= ARGV[4] and each[4] ~= count .. each[2] then return false end
    heard = math.min(heard, tonumber(each[3]))
    if each[2] < least then least = each[2] end
  end
  redis.call('HSET', KEYS[1], 'data', least, 'parts', count .. least, 'heard', string.format('%.0f', heard))
  return true
end
redis.call('HSET', part, 'state', ARGV[2], 'detail', ARGV[3])
if ARGV[2] == 'live' then
  redis.call('HSET', part, 'data', ARGV[4], 'parts', count .. ARGV[4], 'heard', string.format('%.0f', heard))
end
if ARGV[2] ~= 'live' or all_are_live() then
  redis.call('HSET', KEYS[1], 'state', ARGV[2], 'detail', ARGV[3])
end
-- What changes the feed changes the part. While another part is silent this one has no news, however often it is heard.
local announced = redis.call('HMGET', part, 'announced_state', 'announced_data', 'data')
if announced[1] == ARGV[2] and announced[2] == announced[3] then return 1 end
return 0
"""
)

# KEYS feed, store epoch, then its parts where it has several · ARGV topic, candidate epoch, n of what was published
# last or '', state, data, then state and data of each part, both '' where it says nothing -> 1 announced, 0 not
# Compare and set, so that of all who notice a change exactly one announces it. The message is about all parts together
# and says how many there are; what each of them says is read where it is wanted.
ANNOUNCE = (
    _CLOCK
    + """
local now = redis.call('HMGET', KEYS[1], 'n', 'epoch', 'heard', 'detail')
if (now[1] or '') ~= ARGV[3] then return 0 end
local epoch, parts = store_epoch(KEYS[2], ARGV[2]), math.max(#KEYS - 2, 1)
local n = (now[2] == epoch and tonumber(now[1]) or 0) + 1
redis.call('HSET', KEYS[1], 'announced_state', ARGV[4], 'announced_data', ARGV[5], 'announced_parts', parts,
  'n', string.format('%.0f', n), 'epoch', epoch)
for i = 3, #KEYS do
  redis.call('HSET', KEYS[i], 'announced_state', ARGV[2 * i], 'announced_data', ARGV[2 * i + 1])
end
local as_of = now[3] and ('"' .. rfc3339(tonumber(now[3])) .. '"') or 'null'
local data = '{"detail":' .. cjson.encode(now[4] or '') .. ',"data":' .. ARGV[5] .. '}'
local more = parts > 1 and ',"parts":' .. string.format('%d', parts) or ''
redis.call('PUBLISH', 'live:' .. ARGV[1], message(ARGV[1], epoch, n, as_of, ARGV[4], data, more))
return 1
"""
)

# KEYS lease · ARGV owner, milliseconds -> 2 taken, 1 renewed, 0 held by another
LEASE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return holder and 1 or 2
"""

# KEYS lease · ARGV owner
RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""

# KEYS members · ARGV member, milliseconds -> how many there are, this one included
JOIN = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])
"""
