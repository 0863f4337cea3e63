-- The plugin's own inline completion, for Neovim without one: asks, draws, follows the typing.
local accept = require('codellama.accept')
local compat = require('codellama.compat')
local config = require('codellama.config')
local items = require('codellama.items')
local render = require('codellama.render')
local suggestion = require('codellama.suggestion')

local M = {}

local METHOD = 'textDocument/inlineCompletion'
local INVOKED, AUTOMATIC = 1, 2

---@class codellama.GhostState
---@field client_id integer
---@field found codellama.Suggestion[]
---@field index integer
---@field counted boolean
---@field timer uv.uv_timer_t?
---@field pending integer? id of the request under way
---@field turn integer counts what was asked or given up
---@field told table? the item that was last reported as shown
---@field quiet boolean dismissed: wait for the text to change
local states = {} ---@type table<integer, codellama.GhostState>

---@return vim.lsp.Client?
local function client_of(state)
  local client = vim.lsp.get_client_by_id(state.client_id)
  return client and not compat.stopped(client) and client or nil
end

local function inserting()
  return vim.api.nvim_get_mode().mode:sub(1, 1) == 'i'
end

--- What is shown in the current buffer, if anything is.
---@return codellama.Suggestion?, codellama.Rest?
function M.current()
  local state = states[vim.api.nvim_get_current_buf()]
  local chosen = state and state.found[state.index]
  if not chosen then
    return nil
  end
  local place = items.place()
  if place.row ~= chosen.row then
    return nil
  end
  local rest = suggestion.rest(chosen, place.line, place.column)
  if not rest then
    return nil
  end
  return chosen, rest
end

function M.visible()
  return M.current() ~= nil
end

local function forget(bufnr, state)
  state.found, state.index, state.counted = {}, 1, false
  render.clear(bufnr)
end

local function stop_asking(state)
  state.turn = state.turn + 1
  if state.timer then
    state.timer:stop()
  end
  local client = client_of(state)
  if state.pending and client then
    compat.cancel(client, state.pending)
  end
  state.pending = nil
end

local function draw(bufnr, state)
  local chosen, rest = M.current()
  if not chosen or not rest then
    render.clear(bufnr)
    return
  end
  local count = state.counted and ('%d/%d'):format(state.index, #state.found) or nil
  render.draw(bufnr, chosen.row, vim.api.nvim_win_get_cursor(0)[2], rest, count)
  local client = client_of(state)
  if client and state.told ~= chosen.item then
    state.told = chosen.item
    compat.notify(client, 'textDocument/didShowCompletion', { item = chosen.item })
  end
end

---@param kind integer
---@param done fun()? called when the answer has come and is drawn
local function ask(bufnr, kind, done)
  local state = states[bufnr]
  local client = state and client_of(state)
  if not client or vim.api.nvim_get_current_buf() ~= bufnr or not inserting() then
    return
  end
  stop_asking(state)
  local place = items.place()
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  params.context = { triggerKind = kind }
  local ok, id
  ok, id = compat.request(client, METHOD, params, function(err, result)
    if states[bufnr] ~= state or state.pending ~= id then
      return
    end
    state.pending = nil
    if err or vim.api.nvim_get_current_buf() ~= bufnr or not inserting() then
      return
    end
    state.found = items.suggestions(result, place, client.offset_encoding)
    state.index, state.counted = 1, false
    draw(bufnr, state)
    if done then
      done()
    end
  end, bufnr)
  state.pending = ok and id or nil
end

local function ask_soon(bufnr)
  local state = states[bufnr]
  if not config.current.automatic then
    return
  end
  state.timer = state.timer or assert(vim.uv.new_timer())
  state.timer:stop()
  local turn = state.turn
  state.timer:start(
    config.current.debounce_ms,
    0,
    vim.schedule_wrap(function()
      -- Somebody may have asked by a key since the timer ran out.
      if states[bufnr] == state and state.turn == turn then
        ask(bufnr, AUTOMATIC)
      end
    end)
  )
end

--- After every key: keep what still fits, ask where nothing does.
local function follow(bufnr, changed)
  local state = states[bufnr]
  if changed then
    state.quiet = false
  end
  if M.current() then
    draw(bufnr, state)
    return
  end
  forget(bufnr, state)
  if not state.quiet then
    stop_asking(state)
    ask_soon(bufnr)
  end
end

---@param client vim.lsp.Client
---@param bufnr integer
function M.attach(client, bufnr)
  states[bufnr] =
    { client_id = client.id, found = {}, index = 1, counted = false, quiet = false, turn = 0 }
  local group = vim.api.nvim_create_augroup('codellama.ghost.' .. bufnr, { clear = true })
  local function on(events, callback)
    vim.api.nvim_create_autocmd(events, {
      group = group,
      buffer = bufnr,
      callback = function()
        if states[bufnr] then
          callback()
        end
      end,
    })
  end
  local tick = -1
  on({ 'InsertEnter', 'CursorMovedI', 'TextChangedI', 'TextChangedP' }, function()
    local now = vim.api.nvim_buf_get_changedtick(bufnr)
    follow(bufnr, now ~= tick)
    tick = now
  end)
  on('InsertLeave', function()
    M.dismiss()
    states[bufnr].quiet = false
  end)
  on('BufLeave', M.dismiss)
  -- Whoever typed while the server started need not type on to be answered.
  if inserting() and vim.api.nvim_get_current_buf() == bufnr then
    ask_soon(bufnr)
  end
end

---@param bufnr integer
function M.detach(bufnr)
  local state = states[bufnr]
  if not state then
    return
  end
  states[bufnr] = nil
  if state.timer then
    state.timer:close()
  end
  pcall(vim.api.nvim_del_augroup_by_name, 'codellama.ghost.' .. bufnr)
  render.clear(bufnr)
end

--- Hide the suggestion, and stay quiet until the text changes.
function M.dismiss()
  local bufnr = vim.api.nvim_get_current_buf()
  local state = states[bufnr]
  if state then
    stop_asking(state)
    forget(bufnr, state)
    state.quiet = inserting()
  end
end

--- Ask now, for several candidates.
---@param done fun()?
function M.trigger(done)
  local bufnr = vim.api.nvim_get_current_buf()
  if states[bufnr] then
    states[bufnr].quiet = false
    ask(bufnr, INVOKED, done)
  end
end

---@param step integer 1 or -1
function M.cycle(step)
  local bufnr = vim.api.nvim_get_current_buf()
  local state = states[bufnr]
  if not state then
    return
  end
  local function turn()
    if #state.found > 0 then
      state.index = (state.index - 1 + step) % #state.found + 1
      state.counted = true
      draw(bufnr, state)
    end
  end
  -- An automatic request brings one candidate; the others have to be asked for.
  if #state.found > 1 then
    turn()
  else
    M.trigger(turn)
  end
end

---@param part codellama.Part
function M.accept(part)
  local bufnr = vim.api.nvim_get_current_buf()
  local state = states[bufnr]
  local chosen, rest = M.current()
  local client = state and client_of(state)
  if not chosen or not rest or not client then
    return
  end
  stop_asking(state)
  if accept.insert(client, bufnr, chosen, rest, part) then
    forget(bufnr, state)
  else
    state.found, state.index, state.counted = { accept.leftover(chosen, rest) }, 1, false
    draw(bufnr, state)
  end
end

return M
