-- :CodeLlama and what it can do. Each subcommand is one function; answers open in a small window.
local client = require('codellama.client')
local config = require('codellama.config')
local status = require('codellama.status')

local M = {}

---@param title string
---@param lines string[]
local function show(title, lines)
  local bufnr = vim.api.nvim_create_buf(false, true)
  vim.bo[bufnr].bufhidden = 'wipe'
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, lines)
  vim.bo[bufnr].modifiable = false
  vim.cmd.stopinsert()
  local width = 40
  for _, line in ipairs(lines) do
    width = math.max(width, vim.fn.strdisplaywidth(line))
  end
  width = math.min(width + 1, vim.o.columns - 4)
  local height = math.max(1, math.min(#lines, vim.o.lines - 6))
  vim.api.nvim_open_win(bufnr, true, {
    relative = 'editor',
    width = width,
    height = height,
    row = math.max(0, math.floor((vim.o.lines - height) / 2) - 1),
    col = math.max(0, math.floor((vim.o.columns - width) / 2)),
    style = 'minimal',
    border = 'rounded',
    title = (' Code Llama: %s '):format(title),
  })
  for _, key in ipairs({ 'q', '<Esc>' }) do
    vim.keymap.set('n', key, '<Cmd>close<CR>', { buffer = bufnr, nowait = true })
  end
end

local function say(text, level)
  vim.notify('codellama: ' .. text, level or vim.log.levels.INFO)
end

--- Ask the server and show what it says.
local function ask(command, arguments, render)
  local asked = client.execute(command, arguments, function(err, result)
    if err then
      say(err.message or 'the server refused', vim.log.levels.WARN)
    else
      render(result)
    end
  end)
  if not asked then
    say('the server is not running; try :CodeLlama restart', vim.log.levels.WARN)
  end
end

--- Run a verb of the server's own program and show what it prints.
local function run(title, arguments)
  local command = vim.list_extend(config.program(), arguments)
  local options = { text = true, env = config.current.cmd_env }
  local ok, problem = pcall(vim.system, command, options, function(done)
    vim.schedule(function()
      local text = vim.trim((done.stdout or '') .. (done.stdout == '' and done.stderr or ''))
      show(title, vim.split(text, '\n', { plain = true }))
    end)
  end)
  if not ok then
    say(('cannot run %s: %s'):format(command[1], problem), vim.log.levels.WARN)
  end
end

--- Any answer, readably: strings as they are, tables a line a key.
---@return string[]
local function readable(value, indent)
  indent = indent or ''
  if type(value) ~= 'table' then
    return vim.split(tostring(value), '\n', { plain = true })
  end
  local lines = {}
  local keys = vim.tbl_keys(value)
  table.sort(keys, function(a, b)
    return tostring(a) < tostring(b)
  end)
  for _, key in ipairs(keys) do
    local inner = value[key]
    if type(inner) == 'table' and next(inner) ~= nil then
      lines[#lines + 1] = indent .. key
      vim.list_extend(lines, readable(inner, indent .. '  '))
    elseif type(inner) ~= 'table' then
      lines[#lines + 1] = ('%s%-14s %s'):format(indent, key, tostring(inner))
    end
  end
  return lines
end

---@type table<string, fun(arguments: string[])>
M.verbs = {}

function M.verbs.status()
  show('status', status.lines())
end

function M.verbs.toggle()
  ask('codellama.toggle', {}, function(result)
    say(result.enabled and 'suggestions are on' or 'suggestions are off')
  end)
end

--- Switch a language off or on, by default the current one's.
function M.verbs.language(arguments)
  local language = arguments[1] or vim.bo.filetype
  local off = vim.deepcopy(config.current.settings.languages_off or {})
  local kept = vim.tbl_filter(function(other)
    return other ~= language
  end, off)
  local now_off = #kept == #off
  if now_off then
    kept[#kept + 1] = language
  end
  client.change_settings({ languages_off = kept })
  say(('suggestions in %s are %s'):format(language, now_off and 'off' or 'on'))
end

function M.verbs.restart()
  client.restart()
end

--- The engine alone: the model is loaded again, documents stay open.
function M.verbs.engine()
  ask('codellama.restartEngine', {}, function(result)
    if result.ok then
      say('the engine was started again')
    else
      say(result.message .. '\n' .. (result.remedy or ''), vim.log.levels.WARN)
    end
  end)
end

function M.verbs.why()
  local words = require('codellama.outcomes')
  ask('codellama.why', { vim.uri_from_bufnr(0) }, function(result)
    local lines = {}
    for _, ended in ipairs(result) do
      local text = words[ended.outcome] or ended.outcome
      if ended.detail and ended.detail ~= '' then
        text = ('%s (%s)'):format(text, ended.detail)
      end
      local at = os.date('%H:%M:%S', math.floor(ended.at))
      lines[#lines + 1] = ('%s  %7.0f ms  %s'):format(at, ended.total_ms, text)
    end
    show('why', #lines > 0 and lines or { 'nothing was asked in this buffer yet' })
  end)
end

function M.verbs.stats()
  ask('codellama.stats', {}, function(result)
    show('statistics', readable(result))
  end)
end

function M.verbs.doctor()
  if client.offers('codellama.doctor') then
    ask('codellama.doctor', {}, function(result)
      show('doctor', readable(result))
    end)
  else
    run('doctor', { 'doctor' })
  end
end

--- What the model would read at the cursor.
function M.verbs.context()
  local cursor = vim.api.nvim_win_get_cursor(0)
  if client.offers('codellama.context') then
    local found = client.get()
    local encoding = found and found.offset_encoding or 'utf-16'
    local at = vim.lsp.util.make_position_params(0, encoding)
    ask('codellama.context', { at.textDocument.uri, at.position }, function(result)
      show('context', readable(result))
    end)
  else
    local column = vim.fn.charcol('.')
    local place = ('%s:%d:%d'):format(vim.api.nvim_buf_get_name(0), cursor[1], column)
    run('context', { 'context', place })
  end
end

--- Change a setting of the running server: ":CodeLlama set max_tokens 32".
function M.verbs.set(arguments)
  local name, text = arguments[1], table.concat(arguments, ' ', 2)
  if not name or text == '' then
    say('usage: :CodeLlama set NAME VALUE', vim.log.levels.WARN)
    return
  end
  local ok, value = pcall(vim.json.decode, text)
  if not ok then
    value = text
  end
  client.change_settings({ [name] = value })
end

function M.verbs.log()
  vim.cmd.tabedit(vim.fn.fnameescape(vim.lsp.get_log_path()))
end

function M.verbs.help()
  if not pcall(vim.cmd.help, 'codellama') then
    -- Nobody made tags of this directory yet.
    local page = vim.api.nvim_get_runtime_file('doc/codellama.txt', false)[1]
    vim.cmd.helptags(vim.fn.fnameescape(vim.fs.dirname(page)))
    vim.cmd.help('codellama')
  end
end

---@param command vim.api.keyset.create_user_command.command_args
function M.run(command)
  local arguments = vim.deepcopy(command.fargs)
  local verb = table.remove(arguments, 1) or 'status'
  local found = M.verbs[verb]
  if not found then
    say(('there is no :CodeLlama %s'):format(verb), vim.log.levels.WARN)
    return
  end
  found(arguments)
end

---@return string[]
function M.complete(lead, line)
  if line:match('^%s*%S+%s+%S*$') == nil then
    return {}
  end
  local names = vim.tbl_filter(function(name)
    return vim.startswith(name, lead)
  end, vim.tbl_keys(M.verbs))
  table.sort(names)
  return names
end

return M
