-- :checkhealth codellama
local compat = require('codellama.compat')
local config = require('codellama.config')
local rivals = require('codellama.rivals')

local M = {}

local health = vim.health
local needed = require('codellama.version')

local function check_neovim()
  health.start('Neovim')
  local version = vim.version()
  local named = ('%d.%d.%d'):format(version.major, version.minor, version.patch)
  if vim.fn.has('nvim-0.10') == 0 then
    health.error('Neovim ' .. named .. ' is too old', { 'Install Neovim 0.10 or newer' })
  elseif config.native() then
    health.ok('Neovim ' .. named .. ' shows suggestions itself')
  else
    health.ok('Neovim ' .. named .. ': the plugin shows suggestions')
  end
end

--- How to get a server; it is in no package index yet.
local install = {
  'In the clone that this plugin is part of: make setup',
  "Or put it on PATH: pipx install '.[llama]' in the clone",
  'Or say where it is: require("codellama").setup({ cmd = { "/path/to/codellama-lsp", "serve" } })',
}

--- The version that a server says it is, whether it is too old, and its remedy.
---@param said string?
local function check_version(said)
  local found = said and vim.version.parse(said:match('%d+%.%d+[%w.-]*') or '', { strict = false })
  if not found then
    return
  end
  if vim.version.lt(found, needed) then
    health.error(('the server is %s, this plugin needs %s'):format(found, needed), {
      'In the clone, after git pull: make setup',
      "Or, where pipx installed it: pipx install --force '.[llama]' in the clone",
      'Then: :CodeLlama restart',
    })
    return
  end
  local client = require('codellama.client').get()
  local running = vim.version.parse(client and (client.server_info or {}).version or '')
  if running and not vim.version.eq(running, found) then
    health.warn(('the server that runs is still %s'):format(running), { ':CodeLlama restart' })
  end
end

local function check_server()
  health.start('Server')
  config.find()
  local program = config.current.cmd[1]
  if vim.fn.executable(program) == 0 then
    local where = program:find('/', 1, true) and 'is no program' or 'is not on PATH'
    health.error(('%q %s'):format(program, where), install)
    return
  end
  local ok, done = pcall(function()
    local options = { text = true, env = config.current.cmd_env, timeout = 20000 }
    return vim.system(vim.list_extend(config.program(), { '--version' }), options):wait()
  end)
  local path = vim.fn.exepath(program)
  if not ok or done.code ~= 0 then
    local text = ok and vim.trim(done.stderr or '') or tostring(done)
    health.error(('%s does not run: %s'):format(path, text), install)
    return
  end
  local said = vim.trim(done.stdout)
  if not vim.startswith(said, 'codellama-lsp ') then
    health.error(('%s is another program; it says %q'):format(path, said), install)
    return
  end
  health.ok(('%s (%s)'):format(said, path))
  check_version(said)
end

local function check_connection()
  health.start('Connection')
  local client = require('codellama.client').get()
  local status = require('codellama.status').current
  if not client and status.state == 'error' then
    health.error(status.message or 'the server does not run', { status.remedy })
    return
  elseif not client then
    health.warn('the server does not run', {
      'Open a file; or call require("codellama").setup() in your configuration',
    })
    return
  end
  local count = vim.tbl_count(client.attached_buffers)
  health.ok(('the server runs, for %d buffer%s'):format(count, count == 1 and '' or 's'))
  if not client.server_capabilities.inlineCompletionProvider then
    health.error('the server offers no inline completion', { 'Update codellama-lsp' })
  end
  if status.state == 'error' then
    health.error(status.message or 'the model does not run', { status.remedy })
  elseif status.state == 'slow' then
    health.warn('slow: ' .. (status.message or 'suggestions take long'), { status.remedy })
  elseif status.state == 'off' then
    health.info('suggestions are switched off; :CodeLlama toggle')
  elseif status.model then
    health.ok(('model %s: %s'):format(status.model, status.state))
  else
    health.info('model: ' .. status.state)
  end
  if compat.stopped(client) then
    health.warn('the server is stopping')
  end
end

local function check_keys()
  health.start('Keys')
  local taken = {}
  for action, key in pairs(config.current.keys) do
    if key and taken[key] then
      health.warn(('%s means both %s and %s'):format(key, taken[key], action))
    end
    taken[key or ''] = action
  end
  for _, other in ipairs(rivals.keys()) do
    local text = '%s (%s) was taken by something else, after this plugin; it does: %s'
    health.warn(text:format(other.key, other.action, other.by), {
      'Give this plugin another key: setup({ keys = { ' .. other.action .. ' = "<M-l>" } })',
      'Or map it for all buffers instead of one; then it works where nothing is suggested',
    })
  end
  health.ok('accept: ' .. tostring(config.current.keys.accept))
end

local function check_others()
  health.start('Other plugins')
  local others = rivals.ghosts()
  for _, other in ipairs(others) do
    health.warn(('%s shows ghost text, too'):format(other.name), { other.remedy })
  end
  if #others == 0 then
    health.ok('no other plugin known here shows ghost text')
  end
end

function M.check()
  check_neovim()
  check_server()
  check_connection()
  check_keys()
  check_others()
end

return M
