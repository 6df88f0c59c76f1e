/**
 * The register as a script for Redis, and its name there. A text in JavaScript, so that bundlers, Node and types take it as it is.
 *
 * Must not know: clients. The tests compare `SHA1` with `REGISTER`, and what the script does with what `../register.js` does.
 */

/** How Redis calls the script: the SHA-1 of its text. */
export const SHA1 = '2a384257c0f8c5c7a504d21f7764f6ef2b12fb4f'

/** `EVALSHA` it with the keys and arguments that its head names. */
export const REGISTER = /* lua */ `-- The register in Redis: every step of ../register.js, in the same order and with the same names. docs/fleet-protocol.md says what goes in and out.
--
-- Must not know: processes' clocks. Time is the server's, and only differences of it leave.
--
-- KEYS  three a circuit: its state (hash), its members (hash), its members by time (sorted set)
-- ARGV  version, channel, command, random, the settings in the order of ../settings.js, the circuits' names, the arguments of the command
-- Gives a list with a reply a circuit; each is a list: the version, and then in the order of REPLY.

local VERSION = '1'
if ARGV[1] ~= VERSION then return redis.error_reply('HFVERSION this is version ' .. VERSION .. ' of the protocol, not ' .. ARGV[1]) end
local channel, command, random = ARGV[2], ARGV[3], tonumber(ARGV[4])

local at = 4
local function argument()
  at = at + 1
  return ARGV[at]
end
local function number() return tonumber(argument()) end

local S = {}
for _, name in ipairs({ 'window', 'interval', 'hearing', 'longestHearing', 'longestPause', 'sample', 'clip', 'minimumCalls', 'failureRate', 'quorum', 'quorumRate',
  'recoveryTimeout', 'recoveryFactor', 'longestRecovery', 'recoveryJitter', 'lease', 'successes', 'spread', 'staleAfter', 'poll' }) do
  S[name] = number()
end
local names = {}
for i = 1, #KEYS / 3 do names[i] = argument() end

local c = {}
if command == 'report' then
  c.id, c.seq, c.calls, c.failures, c.attempts, c.open = argument(), number(), number(), number(), number(), argument() == '1'
elseif command == 'claim' or command == 'leave' then
  c.id = argument()
elseif command == 'renew' then
  c.id, c.grant = argument(), number()
elseif command == 'settle' then
  c.id, c.grant, c.outcome = argument(), number(), argument()
elseif command == 'assert' then
  c.epoch, c.revision, c.state, c.mode, c.dueIn = number(), number(), argument(), argument(), number()
  c.failedTests, c.successes, c.rate, c.listeners, c.grant = number(), number(), number(), number(), number()
elseif command == 'switch' then
  c.mode = argument()
end

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local MOST = 1000000000
local floor, min, max = math.floor, math.min, math.max
-- What is kept of a circuit: numbers, SUMS among them, and texts. All numbers are whole and below 2^53, so Redis writes them as they are.
local FIELDS = { 'state', 'mode', 'holder', 'origin', 'epoch', 'revision', 'since', 'until', 'interval', 'next', 'round', 'before', 'pause', 'paused', 'failedTests',
  'successes', 'grant', 'rate', 'bucket', 'polls', 'pollsBefore', 'latest', 'heard', 'some', 'sick', 'bad', 'calls', 'failures', 'attempts' }
local SUMS = { 'heard', 'some', 'sick', 'bad', 'calls', 'failures', 'attempts' }
local FIRST_NUMBER = 4

-- The circuit at work: its keys, what is kept of it, what that was, and whether there is news.
local state, members, times, r, was, news, touched

local function load()
  r, was, news, touched = {}, {}, false, false
  local found = redis.call('HMGET', state, unpack(FIELDS))
  for i = FIRST_NUMBER, #FIELDS do
    local value = tonumber(found[i] or 0)
    r[FIELDS[i]], was[FIELDS[i]] = value, value
  end
  was.state, was.mode, was.holder = found[1], found[2], found[3]
  r.state, r.mode, r.holder = found[1] or 'quiet', found[2] or 'none', found[3] or ''
  if r.origin == 0 then r.origin = 1 + floor(random * MOST) end
end

local function save()
  local changed = {}
  for _, name in ipairs(FIELDS) do
    if r[name] ~= was[name] then
      changed[#changed + 1] = name
      changed[#changed + 1] = r[name]
    end
  end
  if #changed > 0 then redis.call('HSET', state, unpack(changed)) end
  redis.call('PEXPIRE', state, max(3600000, 4 * S.longestRecovery, 4 * S.poll))
  if touched then
    redis.call('PEXPIRE', members, 2 * S.window + 60000)
    redis.call('PEXPIRE', times, 2 * S.window + 60000)
  end
end

local function enter(name, ending, isVerdict, isNews)
  r.state = name
  r.since = now
  r['until'] = ending
  r.revision = r.revision + 1
  if isVerdict then r.epoch = r.epoch + 1 end
  if isNews then news = true end
end

local function wipe()
  redis.call('DEL', members, times)
  for _, name in ipairs(SUMS) do r[name] = 0 end
end

-- A member is one text: seq calls failures attempts some sick bad.
local function member(id)
  local text = redis.call('HGET', members, id)
  if not text then return nil end
  local seq, calls, failures, attempts, some, sick, bad = string.match(text, '^(%d+) (%d+) (%d+) (%d+) (%d) (%d) (%d)$')
  return { seq = tonumber(seq), heard = 1, calls = tonumber(calls), failures = tonumber(failures), attempts = tonumber(attempts), some = tonumber(some),
    sick = tonumber(sick), bad = tonumber(bad) }
end

local function add(one, sign)
  for _, name in ipairs(SUMS) do r[name] = r[name] + sign * one[name] end
end

local function forget(id)
  redis.call('HDEL', members, id)
  redis.call('ZREM', times, id)
end

local function drop(id)
  local one = member(id)
  if not one then return end
  forget(id)
  add(one, -1)
end

local function keep(id, one)
  redis.call('HSET', members, id, string.format('%.0f %.0f %.0f %.0f %d %d %d', one.seq, one.calls, one.failures, one.attempts, one.some, one.sick, one.bad))
  redis.call('ZADD', times, now, id)
  r.latest = now
  touched = true
  add(one, 1)
end

local function listeners()
  local bucket = floor(now / S.poll)
  if r.bucket == bucket then return max(r.polls, r.pollsBefore) end
  return r.bucket == bucket - 1 and r.polls or 0
end

local function hasQuorumOfAnswers() return r.heard * 2 >= min(S.sample, listeners()) end

local function endHearing()
  r.pause = min(S.longestPause, r.pause == 0 and S.hearing * 2 or r.pause * 2)
  r.paused = now + r.pause
  r.interval = max(S.interval, floor(S.window / 2))
  r.next = now + r.interval
  enter('suspicion', 0, false, true)
end

-- What time alone changes.
local LONGEST = { quiet = 0, suspicion = 0, hearing = S.hearing, open = S.longestRecovery, due = 0, testing = S.lease, closed = S.spread }
local function pass()
  -- A clock that stepped back holds nobody for longer than the rule would.
  if r.since > now then r.since = now end
  local longest = LONGEST[r.state]
  if r['until'] > now + longest then r['until'] = now + longest end
  if r.paused > now + r.pause then r.paused = now + r.pause end
  if r.next > now + r.interval then r.next = now + r.interval end

  if r.heard > 0 then
    -- A server that is out of memory may have let one of the keys go.
    if redis.call('HLEN', members) ~= r.heard or redis.call('ZCARD', times) ~= r.heard then
      wipe()
    else
      for _, id in ipairs(redis.call('ZRANGEBYSCORE', times, '-inf', now - S.window)) do drop(id) end
      if r.latest > now then
        for _, id in ipairs(redis.call('ZRANGEBYSCORE', times, string.format('(%.0f', now), '+inf')) do drop(id) end
      end
    end
  end
  if r.latest > now then r.latest = now end
  if r.state == 'hearing' then
    if now >= r['until'] and (hasQuorumOfAnswers() or now >= r.since + S.longestHearing) then endHearing() end
  end
  if r.state == 'suspicion' and r.sick == 0 then
    wipe()
    r.interval = 0
    enter('quiet', 0, false, false)
  elseif r.state == 'open' and now >= r['until'] then
    enter('due', r['until'], false, false)
  elseif r.state == 'testing' and now >= r['until'] then
    r.holder = ''
    enter('due', r['until'], false, false)
  elseif r.state == 'closed' and now >= r['until'] then
    enter('quiet', 0, false, false)
  end
  if r.state == 'quiet' and r.pause > 0 and now >= r.paused + r.pause then
    r.pause, r.paused, r.before = 0, 0, 0
  end
end

local function listen()
  local bucket = floor(now / S.poll)
  if r.bucket ~= bucket then
    r.pollsBefore = r.bucket == bucket - 1 and r.polls or 0
    r.polls = 0
    r.bucket = bucket
  end
  r.polls = r.polls + 1
end

local function recovery()
  local time, failed = S.recoveryTimeout, 0
  while failed < r.failedTests and time < S.longestRecovery do
    time = time * S.recoveryFactor
    failed = failed + 1
  end
  time = min(time, S.longestRecovery)
  return max(1, floor(time * (1 - S.recoveryJitter * random)))
end

local function open()
  local all = max(r.heard, listeners())
  r.rate = min(MOST, floor(r.attempts * 1000000 / S.window * all / r.heard))
  r.failedTests, r.successes, r.interval, r.pause, r.paused, r.before = 0, 0, 0, 0, 0, 0
  wipe()
  enter('open', now + recovery(), true, true)
end

local function isVerdict()
  return now >= r.since + S.interval and
    hasQuorumOfAnswers() and
    r.calls >= S.minimumCalls and
    r.failures >= S.failureRate * r.calls and
    r.bad >= S.quorum and
    r.bad >= S.quorumRate * r.some
end

local function hear()
  r.before = r.sick
  wipe()
  r.interval = S.interval
  enter('hearing', now + S.hearing, false, true)
  r.round = r.revision
end

local function memberOf()
  local bad = (c.open or (c.failures > 0 and c.failures >= S.failureRate * c.calls)) and 1 or 0
  local sick = (bad == 1 or (c.failures > 0 and c.failures >= S.failureRate / 2 * c.calls)) and 1 or 0
  local one = { seq = c.seq, heard = 1, calls = c.calls, failures = c.failures, attempts = c.attempts, some = c.calls > 0 and 1 or 0, sick = sick, bad = bad }
  if c.open then
    one.calls, one.failures, one.some = S.clip, S.clip, 1
  elseif c.calls > S.clip then
    one.calls, one.failures = S.clip, floor(c.failures * S.clip / c.calls + 0.5)
  end
  return one
end

local function isOpen(name) return name == 'open' or name == 'due' or name == 'testing' end

local function close()
  r.holder = ''
  r.failedTests, r.successes, r.rate = 0, 0, 0
  wipe()
  enter('closed', now + S.spread, true, true)
end

local function report()
  if r.state == 'closed' then return end
  local known = member(c.id)
  if known and known.seq >= c.seq then return end
  local one = memberOf()
  if known then add(known, -1) end
  -- But for a hearing, only what speaks against the state is worth a place.
  local isWorth = r.state == 'hearing' or one.sick == 1
  if isOpen(r.state) then isWorth = one.sick == 0 and one.some == 1 end
  if not isWorth then
    if known then forget(c.id) end
    return
  end
  keep(c.id, one)
  if r.state == 'quiet' then
    r.interval = S.interval
    r.next = now + r.interval
    enter('suspicion', 0, false, false)
  end
  if r.state == 'suspicion' then
    while r.next <= now and r.interval * 4 <= S.window do
      r.next = r.next + r.interval
      r.interval = r.interval * 2
    end
    if r.sick >= S.quorum and (now >= r.paused or r.sick >= 2 * r.before) then hear() end
  elseif r.state == 'hearing' then
    if isVerdict() then open() end
  elseif r.heard >= S.quorum and r.heard * 2 > min(S.sample, listeners()) then
    -- Most processes know better.
    close()
  end
end

local function giveBack()
  r.holder = ''
  enter('due', now, false, true)
end

local function holds() return r.state == 'testing' and r.holder == c.id and r.grant == c.grant end

local function settle()
  if c.outcome == 'failure' then
    r.holder = ''
    r.successes = 0
    r.failedTests = min(r.failedTests + 1, 1000)
    enter('open', now + recovery(), false, true)
    return
  end
  if c.outcome == 'success' then
    r.successes = r.successes + 1
    if r.successes >= S.successes then
      close()
      return
    end
  end
  giveBack()
end

local function takeOver()
  if c.epoch < r.epoch or (c.epoch == r.epoch and c.revision <= r.revision) then return 0 end
  if c.epoch == r.epoch and not isOpen(c.state) then
    r.revision = c.revision
    if r.state == 'hearing' then r.round = r.revision end
    news = true
    return 1
  end
  wipe()
  r.mode = c.mode
  r.holder = ''
  r.interval = 0
  r.failedTests, r.successes, r.rate = c.failedTests, c.successes, c.rate
  r.grant = max(r.grant, c.grant)
  if listeners() < c.listeners then
    r.bucket = floor(now / S.poll)
    r.polls = max(r.polls, 1)
    r.pollsBefore = c.listeners
  end
  if c.state == 'open' then
    enter('open', now + min(c.dueIn, S.longestRecovery), false, true)
  elseif isOpen(c.state) then
    enter('due', now, false, true)
  elseif c.state == 'closed' then
    enter('closed', now + S.spread, false, true)
  else
    enter('quiet', 0, false, true)
  end
  r.epoch, r.revision = c.epoch, c.revision
  return 1
end

local function take()
  if command == 'poll' then
    listen()
  elseif command == 'report' then
    report()
  elseif command == 'claim' then
    -- Who holds it may ask again: the answer to its first claim was lost.
    if r.state == 'testing' and r.holder == c.id then
      r['until'] = now + S.lease
      return 1
    end
    if r.state ~= 'due' then return 0 end
    r.holder = c.id
    r.grant = r.grant + 1
    enter('testing', now + S.lease, false, true)
    return 1
  elseif command == 'renew' then
    if not holds() then return 0 end
    r['until'] = now + S.lease
    news = true
    return 1
  elseif command == 'settle' then
    if not holds() then return 0 end
    settle()
    return 1
  elseif command == 'assert' then
    return takeOver()
  elseif command == 'switch' then
    if r.mode ~= c.mode then
      r.mode = c.mode
      r.epoch = r.epoch + 1
      r.revision = r.revision + 1
      news = true
    end
  elseif command == 'leave' then
    drop(c.id)
    if r.state == 'testing' and r.holder == c.id then giveBack() end
  end
  return 0
end

local function reply(granted)
  local left = max(0, r['until'] - now)
  local listening = listeners()
  local dueIn = (r.state == 'open' or r.state == 'testing') and left or 0
  local isHeard = r.state == 'hearing'
  return {
    VERSION, r.origin, r.epoch, r.revision, r.state, r.mode,
    dueIn,
    r.state == 'due' and max(0, now - r['until']) or 0,
    isOpen(r.state) and dueIn + S.staleAfter or 0,
    r.state == 'closed' and left or 0,
    (isHeard or r.state == 'suspicion') and r.interval or 0,
    isHeard and floor(1000000 * min(1, S.sample / max(1, listening))) or 0,
    r.round,
    isHeard and left or 0,
    r.failedTests, r.successes, r.rate, listening, granted, r.grant
  }
end

local replies = {}
for i, name in ipairs(names) do
  state, members, times = KEYS[3 * i - 2], KEYS[3 * i - 1], KEYS[3 * i]
  load()
  pass()
  local granted = take()
  save()
  replies[i] = reply(granted)
  -- Who listens learns the same, but for what was granted.
  if news then redis.call('PUBLISH', channel, table.concat(reply(0), ' ') .. ' ' .. name) end
end
return replies
`
