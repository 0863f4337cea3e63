-- :checkhealth codellama
local compat = require('codellama.compat')
local config = require('codellama.config')

local M = {}

local health = vim.health

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

local function check_server()
  health.start('Server')
  local program = config.current.cmd[1]
  if vim.fn.executable(program) == 0 then
    health.error(('%q is not on PATH'):format(program), {
      "Install it: pipx install 'codellama-lsp[llama]'",
      'Or say where: require("codellama").setup({ cmd = { "/path/to/codellama-lsp", "serve" } })',
    })
    return
  end
  local ok, done = pcall(function()
    local options = { text = true, env = config.current.cmd_env, timeout = 20000 }
    return vim.system(vim.list_extend(config.program(), { '--version' }), options):wait()
  end)
  if ok and done.code == 0 then
    health.ok(('%s (%s)'):format(vim.trim(done.stdout), vim.fn.exepath(program)))
  else
    local text = ok and vim.trim(done.stderr or '') or tostring(done)
    health.error(('%s does not run: %s'):format(program, text), { 'Install it again' })
  end
end

local function check_connection()
  health.start('Connection')
  local client = require('codellama.client').get()
  local status = require('codellama.status').current
  if not client then
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
  health.ok('accept: ' .. tostring(config.current.keys.accept))
end

function M.check()
  check_neovim()
  check_server()
  check_connection()
  check_keys()
end

return M
