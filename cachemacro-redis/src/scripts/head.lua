-- The head of the stream: its life, and the number of the last announcement. Nothing if there is no head, or if the
-- number has so many digits that Lua would round it.
local function read_head(key)
  local life, number = string.match(text_of(key) or '', '^([0-9a-f]+) (%d+)$')
  if life and #number <= 15 then return life, tonumber(number) end
end

local function write_head(key, life, number)
  redis.call('SET', key, life .. ' ' .. string.format('%.0f', number))
end
