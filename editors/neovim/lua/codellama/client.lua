-- Starts the server, finds it, starts it again when it dies, and tells it about changed settings.
local compat = require('codellama.compat')
local config = require('codellama.config')

local M = {}

M.root_markers = { '.git', '.hg', 'pyproject.toml', 'package.json', 'Cargo.toml', 'go.mod' }

-- A server that lived this long was well: the next death is the first one again.
local WELL_MS = 30000

local state = {
  started = false,
  -- Stopped on purpose: the end of the process is no death.
  wanted = true,
  deaths = 0,
  born_ms = nil, ---@type integer? since when it answers; nil until it does
}

---@return vim.lsp.Client?
function M.get()
  for _, client in ipairs(vim.lsp.get_clients({ name = 'codellama' })) do
    if not compat.stopped(client) then
      return client
    end
  end
end

---@param bufnr integer
---@return boolean
local function wanted_in(bufnr)
  return vim.bo[bufnr].buftype == ''
    and not vim.tbl_contains(config.current.filetypes_off, vim.bo[bufnr].filetype)
end

--- What decides how the model runs: the server takes it with `initialize` alone, where no
--- repository can have written it. The rest may change while it runs.
local function personal(name)
  return name == 'model' or vim.startswith(name, 'engine_')
end

local function init_options()
  local options = { model = config.current.model }
  for name, value in pairs(config.current.settings) do
    if personal(name) then
      options[name] = value
    end
  end
  return next(options) and options or vim.empty_dict()
end

---@return table
local function client_config()
  local file = vim.api.nvim_get_runtime_file('lsp/codellama.lua', false)[1]
  local base = file and dofile(file) or {}
  return vim.tbl_deep_extend('force', base, {
    name = 'codellama',
    cmd = config.current.cmd,
    cmd_env = config.current.cmd_env,
    init_options = init_options(),
    settings = { codellama = M.settings() },
  })
end

---@return table
function M.settings()
  local settings = {}
  for name, value in pairs(config.current.settings) do
    if not personal(name) then
      settings[name] = value
    end
  end
  return next(settings) and settings or vim.empty_dict()
end

--- On 0.10, where nothing starts servers by file type.
local function start_in(bufnr)
  if not vim.api.nvim_buf_is_loaded(bufnr) or not wanted_in(bufnr) then
    return
  end
  if vim.bo[bufnr].filetype == '' then
    return
  end
  local options = client_config()
  options.root_dir = vim.fs.root(bufnr, M.root_markers)
  options.capabilities = vim.tbl_deep_extend('force', vim.lsp.protocol.make_client_capabilities(), {
    textDocument = { inlineCompletion = { dynamicRegistration = false } },
  })
  vim.lsp.start(options, {
    bufnr = bufnr,
    reuse_client = function(client)
      return client.name == 'codellama' and not compat.stopped(client)
    end,
  })
end

local function start_everywhere()
  if vim.lsp.enable then
    vim.lsp.enable('codellama')
    return
  end
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    start_in(bufnr)
  end
end

function M.start()
  if state.started then
    return
  end
  config.find()
  local program = config.current.cmd[1]
  if vim.fn.executable(program) == 0 then
    require('codellama.status').fail(
      ('the server %q was not found'):format(program),
      ':checkhealth codellama says how to get it; then :CodeLlama restart'
    )
    return
  end
  state.started, state.wanted = true, true
  if vim.lsp.config then
    local options = client_config()
    options.capabilities = { textDocument = { inlineCompletion = { dynamicRegistration = false } } }
    options.root_dir = function(bufnr, start)
      if wanted_in(bufnr) then
        start(vim.fs.root(bufnr, M.root_markers))
      end
    end
    vim.lsp.config('codellama', options)
  else
    vim.api.nvim_create_autocmd('FileType', {
      group = vim.api.nvim_create_augroup('codellama.start', { clear = true }),
      callback = function(event)
        start_in(event.buf)
      end,
    })
  end
  start_everywhere()
end

function M.initialized()
  state.born_ms = vim.uv.now()
end

--- The process ended. Runs outside the main loop.
function M.exited(code, signal)
  if not state.wanted or vim.v.exiting ~= vim.NIL then
    return
  end
  vim.schedule(function()
    if state.born_ms and vim.uv.now() - state.born_ms > WELL_MS then
      state.deaths = 0
    end
    state.born_ms = nil
    state.deaths = state.deaths + 1
    if state.deaths > config.current.restarts then
      require('codellama.status').fail(
        ('the server ended %d times (exit code %d, signal %d)'):format(state.deaths, code, signal),
        ':CodeLlama doctor says why; :CodeLlama restart tries again'
      )
      return
    end
    require('codellama.status').update(nil, { state = 'starting' })
    local delay = config.current.restart_delay_ms * 2 ^ (state.deaths - 1)
    vim.defer_fn(function()
      if state.wanted and not M.get() then
        start_everywhere()
      end
    end, delay)
  end)
end

--- Stop the server if it runs, and start it with the options as they are now.
function M.restart()
  local client = M.get()
  state.wanted, state.deaths = false, 0
  require('codellama.status').update(nil, { state = 'starting' })
  if client then
    compat.stop(client)
  end
  local function again()
    state.started, state.wanted = false, true
    M.start()
  end
  local patience = 50
  local function wait()
    patience = patience - 1
    if client and not compat.stopped(client) and patience > 0 then
      if patience == 20 then
        compat.stop(client, true)
      end
      vim.defer_fn(wait, 100)
    else
      again()
    end
  end
  wait()
end

--- Change settings of the running server.
---@param changes table<string, any> vim.NIL takes a setting back
function M.change_settings(changes)
  for name, value in pairs(changes) do
    if value == vim.NIL then
      value = nil
    end
    config.current.settings[name] = value
  end
  if vim.lsp.config then
    vim.lsp.config('codellama', { settings = { codellama = M.settings() } })
  end
  local client = M.get()
  if client then
    client.settings = { codellama = M.settings() }
    compat.notify(client, 'workspace/didChangeConfiguration', { settings = client.settings })
  end
end

--- Run one of the server's commands.
---@param command string
---@param arguments any[]
---@param callback fun(err: table?, result: any)
---@return boolean asked
function M.execute(command, arguments, callback)
  local client = M.get()
  if not client then
    return false
  end
  compat.request(client, 'workspace/executeCommand', {
    command = command,
    arguments = arguments,
  }, callback, vim.api.nvim_get_current_buf())
  return true
end

--- Whether the running server offers a command.
function M.offers(command)
  local client = M.get()
  local provider = client and client.server_capabilities.executeCommandProvider
  return type(provider) == 'table' and vim.tbl_contains(provider.commands or {}, command)
end

return M
