-- The plugin's own options and their defaults. The server's settings pass through as they are: it
-- says itself what is wrong with them.
local M = {}

--- The server on PATH; else the one that `make setup` made, where this plugin is part of a clone.
---@return string
local function program()
  local name = 'codellama-lsp'
  if vim.fn.executable(name) == 0 then
    local here = vim.uv.fs_realpath(debug.getinfo(1, 'S').source:sub(2)) or ''
    local clone = vim.fn.fnamemodify(here, ':h:h:h:h:h')
    local made = vim.fs.joinpath(clone, '.venv', 'bin', name)
    if vim.fn.executable(made) == 1 then
      return made
    end
  end
  return name
end

---@class codellama.Config
M.defaults = {
  -- How to start the server.
  cmd = { program(), 'serve' },
  cmd_env = nil, ---@type table<string, string>?
  -- A GGUF file or a name in the catalogue; nil: the model that comes with the server.
  model = nil, ---@type string?
  -- The server's settings, as in :help codellama-settings. May be changed while it runs.
  settings = {},
  -- 'auto': Neovim's own inline completion where it has one (0.12), else the plugin's ghost text.
  ghost_text = 'auto', ---@type 'auto'|'native'|'own'
  -- Buffers the server never sees.
  filetypes_off = { 'help', 'gitcommit', 'gitrebase', 'TelescopePrompt', 'oil' },
  -- false switches a key off. Where nothing is shown, a key does what it did before.
  keys = {
    accept = '<Tab>',
    accept_word = '<C-Right>',
    accept_line = '<C-Down>',
    next = '<M-n>',
    previous = '<M-p>',
    dismiss = '<C-]>',
    trigger = '<M-Space>',
  },
  -- Ask without a key while typing.
  automatic = true,
  -- The plugin's own ghost text waits this long after a key before it asks.
  debounce_ms = 40,
  -- Start the server again when it dies: this often in a row, each time waiting twice as long.
  restarts = 5,
  restart_delay_ms = 500,
}

---@type codellama.Config
M.current = vim.deepcopy(M.defaults)

---@param options table?
---@return string[] problems a sentence for each option that is wrong; its default holds
function M.set(options)
  local problems = {}
  local merged = vim.deepcopy(M.defaults)
  for name, value in pairs(options or {}) do
    local problem = M._problem(name, value)
    if problem then
      problems[#problems + 1] = problem
    elseif name == 'keys' then
      merged.keys = vim.tbl_extend('force', merged.keys, value)
    else
      merged[name] = value
    end
  end
  M.current = merged
  return problems
end

--- Look for the server again where nobody said which: it may have been installed since.
function M.find()
  if vim.deep_equal(M.current.cmd, M.defaults.cmd) then
    M.defaults.cmd = { program(), 'serve' }
    M.current.cmd = vim.deepcopy(M.defaults.cmd)
  end
end

local types = {
  cmd = 'table',
  cmd_env = 'table',
  model = 'string',
  settings = 'table',
  ghost_text = 'string',
  filetypes_off = 'table',
  keys = 'table',
  automatic = 'boolean',
  debounce_ms = 'number',
  restarts = 'number',
  restart_delay_ms = 'number',
}

---@return string?
function M._problem(name, value)
  local expected = types[name]
  if not expected then
    return ('codellama: there is no option %q'):format(tostring(name))
  end
  if type(value) ~= expected then
    return ('codellama: option %q must be a %s'):format(name, expected)
  end
  if name == 'ghost_text' and not vim.tbl_contains({ 'auto', 'native', 'own' }, value) then
    return 'codellama: option "ghost_text" must be "auto", "native" or "own"'
  end
  if name == 'keys' then
    for action, key in pairs(value) do
      if M.defaults.keys[action] == nil then
        return ('codellama: there is no key %q'):format(tostring(action))
      end
      if type(key) ~= 'string' and key ~= false then
        return ('codellama: key %q must be a string or false'):format(action)
      end
    end
  end
end

--- The server's program without the verb and what follows it, for its other verbs.
---@return string[]
function M.program()
  local found = {}
  for _, word in ipairs(M.current.cmd) do
    if word == 'serve' then
      break
    end
    found[#found + 1] = word
  end
  return found
end

--- Whether Neovim's own inline completion shows the suggestions.
---@return boolean
function M.native()
  if M.current.ghost_text == 'own' then
    return false
  end
  return vim.lsp.inline_completion ~= nil
end

return M
