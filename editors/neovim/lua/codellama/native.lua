-- Suggestions through Neovim's own vim.lsp.inline_completion, with what it leaves to others: older
-- requests are cancelled, text typed since the answer is not inserted twice, words and lines can be
-- accepted, and the server learns what was shown.
local accept = require('codellama.accept')
local compat = require('codellama.compat')
local config = require('codellama.config')
local items = require('codellama.items')
local render = require('codellama.render')
local suggestion = require('codellama.suggestion')

local M = {}

local METHOD = 'textDocument/inlineCompletion'
local INVOKED = 1
-- Answers to a request that somebody gave up: nothing to log.
local GIVEN_UP = { [-32800] = true, [-32801] = true, [-32802] = true }

---@class codellama.NativeState
---@field client_id integer
---@field found codellama.Suggestion[] what the last answer held
---@field left codellama.Suggestion? what a partly accepted suggestion still has to say
---@field pending integer? id of the request under way
---@field invoke boolean the next request is a user's gesture
---@field done fun()? called when the answer to that request is shown
local states = {} ---@type table<integer, codellama.NativeState>

local function augroup(bufnr)
  return 'nvim.lsp.inline_completion:' .. bufnr
end

--- Run one of Neovim's own reactions without the event that causes it.
local function react(bufnr, event)
  pcall(vim.api.nvim_exec_autocmds, event, { group = augroup(bufnr), buffer = bufnr })
end

local function namespace()
  return vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion']
end

local function shown(bufnr)
  local id = namespace()
  return id ~= nil and #vim.api.nvim_buf_get_extmarks(bufnr, id, 0, -1, { limit = 1 }) > 0
end

---@param candidate codellama.Suggestion?
---@return codellama.Rest?
local function rest_of(candidate)
  local place = items.place()
  if candidate and candidate.row == place.row then
    return suggestion.rest(candidate, place.line, place.column)
  end
end

--- The first candidate that still fits at the cursor.
---@param wanted (fun(candidate: codellama.Suggestion): boolean)?
---@return codellama.Suggestion?, codellama.Rest?
local function fitting(state, wanted)
  for _, candidate in ipairs(state.found) do
    if not wanted or wanted(candidate) then
      local rest = rest_of(candidate)
      if rest then
        return candidate, rest
      end
    end
  end
end

--- What Neovim shows in a buffer, without the count behind it. While keys wait to be handled it is
--- what was shown before them.
---@return string?
local function on_screen(bufnr)
  local marks = vim.api.nvim_buf_get_extmarks(bufnr, namespace(), 0, -1, { details = true })
  if not marks[1] then
    return nil
  end
  local details = marks[1][4]
  local lines = {}
  for _, chunks in ipairs({ details.virt_text or {}, unpack(details.virt_lines or {}) }) do
    local line = ''
    for _, chunk in ipairs(chunks) do
      line = line .. (chunk[2] == 'ComplHintMore' and '' or chunk[1])
    end
    lines[#lines + 1] = line
  end
  return (table.concat(lines, '\n'):gsub('\r', ''))
end

--- Whether something is shown in the current buffer that a key could accept.
function M.visible()
  local bufnr = vim.api.nvim_get_current_buf()
  local state = states[bufnr]
  if not state then
    return false
  end
  if rest_of(state.left) then
    return true
  end
  return shown(bufnr) and fitting(state) ~= nil
end

---@param state codellama.NativeState
local function answered(state, bufnr, client, place, result)
  state.left = nil
  render.clear(bufnr)
  state.found = items.suggestions(result, place, client.offset_encoding)
  if shown(bufnr) and state.found[1] then
    local params = { item = state.found[1].item }
    compat.notify(client, 'textDocument/didShowCompletion', params)
  end
  local done = state.done
  state.done = nil
  if done then
    done()
  end
end

--- Stand between Neovim and the client: only this method, everything else passes.
---@param client vim.lsp.Client
local function intercept(client)
  local original = client.request
  ---@diagnostic disable-next-line: duplicate-set-field
  client.request = function(self, method, params, handler, bufnr)
    local state = states[bufnr]
    if method ~= METHOD or not state or not handler then
      return original(self, method, params, handler, bufnr)
    end
    if not state.invoke and not config.current.automatic then
      return false
    end
    if state.invoke then
      params.context.triggerKind = INVOKED
      state.invoke = false
    end
    if state.pending then
      compat.cancel(client, state.pending)
    end
    local place = items.place()
    local id ---@type integer?
    local ok, sent = original(self, method, params, function(err, result, context)
      if state.pending ~= id then
        return
      end
      state.pending = nil
      if err and GIVEN_UP[err.code] then
        return
      end
      handler(err, result, context)
      if not err and states[bufnr] == state then
        answered(state, bufnr, client, place, result)
      end
    end, bufnr)
    id = ok and sent or nil
    state.pending = id
    return ok, sent
  end
end

--- After every key: what is left of a partly accepted suggestion stays, what fits no more goes.
local function follow(bufnr)
  local state = states[bufnr]
  local rest = rest_of(state.left)
  if state.left and rest then
    render.draw(bufnr, state.left.row, vim.api.nvim_win_get_cursor(0)[2], rest)
    return
  end
  if state.left then
    state.left = nil
    render.clear(bufnr)
  end
  if shown(bufnr) and not fitting(state) then
    vim.api.nvim_buf_clear_namespace(bufnr, namespace(), 0, -1)
  end
end

local intercepted = {} ---@type table<integer, true>

---@param client vim.lsp.Client
---@param bufnr integer
function M.attach(client, bufnr)
  states[bufnr] = { client_id = client.id, found = {}, invoke = false }
  if not intercepted[client.id] then
    intercepted[client.id] = true
    intercept(client)
  end
  vim.lsp.inline_completion.enable(true, { bufnr = bufnr })
  -- After Neovim's own autocommands, so that these have the last word.
  local group = vim.api.nvim_create_augroup('codellama.native.' .. bufnr, { clear = true })
  vim.api.nvim_create_autocmd({ 'InsertEnter', 'CursorMovedI', 'TextChangedI', 'TextChangedP' }, {
    group = group,
    buffer = bufnr,
    callback = function()
      if states[bufnr] then
        follow(bufnr)
      end
    end,
  })
  vim.api.nvim_create_autocmd({ 'InsertLeave', 'BufLeave' }, {
    group = group,
    buffer = bufnr,
    callback = M.dismiss,
  })
end

---@param bufnr integer
function M.detach(bufnr)
  if states[bufnr] then
    states[bufnr] = nil
    pcall(vim.api.nvim_del_augroup_by_name, 'codellama.native.' .. bufnr)
    render.clear(bufnr)
  end
end

--- Hide the suggestion and give up what was asked for.
function M.dismiss()
  local bufnr = vim.api.nvim_get_current_buf()
  local state = states[bufnr]
  if state then
    state.found, state.left, state.done, state.invoke = {}, nil, nil, false
    render.clear(bufnr)
    react(bufnr, 'InsertLeave')
  end
end

--- Ask now, for several candidates.
---@param done fun()?
function M.trigger(done)
  local bufnr = vim.api.nvim_get_current_buf()
  local state = states[bufnr]
  if state then
    state.invoke, state.done = true, done
    react(bufnr, 'CursorMovedI')
  end
end

--- Whether no other server's suggestions are shown in a buffer.
local function alone(bufnr)
  local clients = vim.lsp.get_clients({ bufnr = bufnr, method = METHOD })
  return #clients <= 1
end

---@param step integer 1 or -1
function M.cycle(step)
  local bufnr = vim.api.nvim_get_current_buf()
  local state = states[bufnr]
  if not state then
    return
  end
  local function turn()
    vim.lsp.inline_completion.select({ count = step })
  end
  -- An automatic request brings one candidate; the others have to be asked for. Not beside another
  -- server: Neovim begins again with the first candidate whenever one of them answers.
  if #state.found > 1 or not alone(bufnr) then
    turn()
  else
    M.trigger(turn)
  end
end

---@param bufnr integer
---@param state codellama.NativeState
---@param chosen codellama.Suggestion
---@param rest codellama.Rest
---@param part codellama.Part
local function insert(bufnr, state, chosen, rest, part)
  local client = vim.lsp.get_client_by_id(state.client_id)
  if not client then
    return
  end
  state.found = {}
  if accept.insert(client, bufnr, chosen, rest, part) then
    state.left = nil
    render.clear(bufnr)
  else
    state.left = accept.leftover(chosen, rest)
    follow(bufnr)
  end
end

---@param part codellama.Part
function M.accept(part)
  local bufnr = vim.api.nvim_get_current_buf()
  local state = states[bufnr]
  if not state then
    return
  end
  local rest = rest_of(state.left)
  if state.left and rest then
    insert(bufnr, state, state.left, rest, part)
    return
  end
  -- At once: Neovim's own function waits for a turn, in which keys typed since would come first.
  local seen = shown(bufnr) and on_screen(bufnr)
  local chosen, left = fitting(state, function(candidate)
    return seen and vim.endswith(candidate.text, seen)
  end)
  if chosen and left then
    react(bufnr, 'InsertLeave')
    insert(bufnr, state, chosen, left, part)
  elseif seen then
    -- Another server's.
    vim.lsp.inline_completion.get({ bufnr = bufnr })
  end
end

return M
