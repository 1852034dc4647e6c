-- For wrk: sends as many requests at once as its argument says, and counts an answer for each.
init = function(args)
  local requests = {}
  for i = 1, tonumber(args[1]) do requests[i] = wrk.format() end
  pipelined = table.concat(requests)
end

request = function() return pipelined end
