-- What happens when the server gets a buffer: a way to show suggestions, keys, and the events that
-- tell the server what the user looks at.
local compat = require('codellama.compat')
local config = require('codellama.config')

local M = {}

local attached = {} ---@type table<integer, integer> client id of each buffer

--- Whatever shows suggestions in this Neovim.
function M.shower()
  return require(config.native() and 'codellama.native' or 'codellama.ghost')
end

---@param client vim.lsp.Client
---@param bufnr integer
function M.attach(client, bufnr)
  if attached[bufnr] == client.id then
    return
  end
  attached[bufnr] = client.id
  M.shower().attach(client, bufnr)
  require('codellama.keys').set(bufnr)
  M._add_folder(client, bufnr)

  local group = vim.api.nvim_create_augroup('codellama.events.' .. bufnr, { clear = true })
  local document = { uri = vim.uri_from_bufnr(bufnr) }
  vim.api.nvim_create_autocmd({ 'BufEnter', 'FocusGained' }, {
    group = group,
    buffer = bufnr,
    callback = function()
      M._notify(bufnr, 'textDocument/didFocus', { textDocument = document })
    end,
  })
  vim.api.nvim_create_autocmd('TextYankPost', {
    group = group,
    buffer = bufnr,
    callback = function()
      if vim.v.event.operator == 'y' then
        M._notify(bufnr, 'codellama/didYank', {
          textDocument = document,
          range = M._yanked(bufnr, client.offset_encoding),
          text = table.concat(vim.v.event.regcontents, '\n'),
        })
      end
    end,
  })
  if vim.api.nvim_get_current_buf() == bufnr then
    M._notify(bufnr, 'textDocument/didFocus', { textDocument = document })
  end
end

---@param bufnr integer
---@param client_id integer whoever leaves: any client, not only ours
function M.detach(bufnr, client_id)
  if attached[bufnr] ~= client_id then
    return
  end
  attached[bufnr] = nil
  require('codellama.native').detach(bufnr)
  require('codellama.ghost').detach(bufnr)
  pcall(vim.api.nvim_del_augroup_by_name, 'codellama.events.' .. bufnr)
  if vim.api.nvim_buf_is_valid(bufnr) then
    require('codellama.keys').unset(bufnr)
  end
end

---@return integer[] buffers
function M.buffers()
  return vim.tbl_keys(attached)
end

function M._notify(bufnr, method, params)
  local client = vim.lsp.get_client_by_id(attached[bufnr] or -1)
  if client and not compat.stopped(client) then
    compat.notify(client, method, params)
  end
end

--- The server is one for all projects: tell it about the project of a buffer that joins later.
function M._add_folder(client, bufnr)
  local root = vim.fs.root(bufnr, require('codellama.client').root_markers)
  if not root or not client.server_capabilities.workspace then
    return
  end
  local uri = vim.uri_from_fname(root)
  client.workspace_folders = client.workspace_folders or {}
  for _, folder in ipairs(client.workspace_folders) do
    if folder.uri == uri then
      return
    end
  end
  local folder = { uri = uri, name = root }
  table.insert(client.workspace_folders, folder)
  compat.notify(client, 'workspace/didChangeWorkspaceFolders', {
    event = { added = { folder }, removed = {} },
  })
end

--- The range of the last yank, in the client's encoding.
function M._yanked(bufnr, encoding)
  local function position(mark, after)
    local at = vim.api.nvim_buf_get_mark(bufnr, mark)
    local row, column = at[1] - 1, at[2]
    local line = vim.api.nvim_buf_get_lines(bufnr, row, row + 1, false)[1] or ''
    if after then
      column = vim.v.event.regtype == 'V' and #line or math.min(column + 1, #line)
    end
    return { line = row, character = compat.length(line:sub(1, column), encoding) }
  end
  return { start = position('[', false), ['end'] = position(']', true) }
end

return M
