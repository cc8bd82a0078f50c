-- The paths behind `--` in turn, with the same headers. The summary is that of any other run.
dofile(os.getenv("SUMMARY"))

init = function(args)
  local made, number = {}, 0
  for place, path in ipairs(args) do
    made[place] = wrk.format("GET", path)
  end
  request = function()
    number = number % #made + 1
    return made[number]
  end
end
