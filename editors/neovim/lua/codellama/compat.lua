-- The differences between Neovim 0.10, 0.11 and 0.12 that the rest need not know.
local M = {}

local has_011 = vim.fn.has('nvim-0.11') == 1

---@param client vim.lsp.Client
---@return boolean, integer?
function M.request(client, method, params, handler, bufnr)
  if has_011 then
    return client:request(method, params, handler, bufnr)
  end
  return client.request(method, params, handler, bufnr)
end

---@param client vim.lsp.Client
function M.notify(client, method, params)
  if has_011 then
    return client:notify(method, params)
  end
  return client.notify(method, params)
end

---@param client vim.lsp.Client
function M.cancel(client, request_id)
  if has_011 then
    return client:cancel_request(request_id)
  end
  return client.cancel_request(request_id)
end

---@param client vim.lsp.Client
---@param force boolean?
function M.stop(client, force)
  if has_011 then
    client:stop(force)
  else
    client.stop(force)
  end
end

---@param client vim.lsp.Client
---@return boolean
function M.stopped(client)
  if has_011 then
    return client:is_stopped()
  end
  return client.is_stopped()
end

--- Byte offset of a position's character in `line`, at most its length.
---@param line string
---@param character integer in units of `encoding`
---@param encoding 'utf-8'|'utf-16'|'utf-32'
---@return integer
function M.byte_of(line, character, encoding)
  if encoding == 'utf-8' then
    return math.min(character, #line)
  end
  if has_011 then
    return vim.str_byteindex(line, encoding, character, false)
  end
  local ok, byte = pcall(vim.str_byteindex, line, character, encoding == 'utf-16')
  return ok and byte or #line
end

--- Length of `text` in UTF-16 code units.
---@param text string
---@return integer
function M.utf16_length(text)
  if has_011 then
    return vim.str_utfindex(text, 'utf-16')
  end
  local _, units = vim.str_utfindex(text)
  return units
end

--- Length of `text` in units of `encoding`.
---@return integer
function M.length(text, encoding)
  if encoding == 'utf-8' then
    return #text
  end
  if has_011 then
    return vim.str_utfindex(text, encoding)
  end
  local utf32, utf16 = vim.str_utfindex(text)
  return encoding == 'utf-16' and utf16 or utf32
end

return M
