-- Loaded by a Neovim under test: runs Lua that comes over a private socket, a JSON string a line, and
-- answers with its value. In the editor's own loop, so that looking costs no process.
local path = ...
local server = assert(vim.uv.new_pipe(false))
assert(server:bind(path))

local function run(line)
  local chunk, problem = loadstring(vim.json.decode(line))
  if not chunk then
    return { problem = problem }
  end
  local ok, value = pcall(chunk)
  return ok and { value = value, ok = true } or { problem = tostring(value) }
end

server:listen(1, function()
  local peer = assert(vim.uv.new_pipe(false))
  server:accept(peer)
  local read = ''
  peer:read_start(function(_, data)
    if not data then
      peer:close()
      return
    end
    read = read .. data
    for line in read:gmatch('([^\n]*)\n') do
      vim.schedule(function()
        local ok, text = pcall(vim.json.encode, run(line))
        peer:write((ok and text or vim.json.encode({ problem = text })) .. '\n')
      end)
    end
    read = read:match('([^\n]*)$')
  end)
end)
