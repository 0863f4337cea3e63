" Code Llama as a completion source of ALE (https://github.com/dense-analysis/ale), for Vim 8 and newer.
" Source it from your vimrc, behind your own g:ale_linters. Languages: g:codellama_filetypes. One line at
" a time: an entry of Vim's menu cannot hold several. ALE takes an entry up to its first parenthesis.
let g:ale_completion_enabled = 1

" Never empty: ALE starts no server then.
function! s:Root(buffer) abort
    let l:folder = fnamemodify(bufname(a:buffer), ':p:h')
    let l:git = finddir('.git', l:folder . ';')
    return empty(l:git) ? l:folder : fnamemodify(l:git, ':p:h:h')
endfunction

" For these ALE starts only what a list names; this is its own list. Elsewhere it starts all it knows.
let s:lists = {
\   'go': ['gofmt', 'golangci-lint', 'gopls', 'govet'],
\   'python': ['flake8', 'mypy', 'pylint', 'pyright', 'ruff'],
\   'rust': ['analyzer', 'cargo'],
\}
let g:ale_linters = get(g:, 'ale_linters', {})
let s:filetypes = ['c', 'cpp', 'go', 'java', 'javascript', 'python', 'rust', 'typescript']
for s:filetype in get(g:, 'codellama_filetypes', s:filetypes)
    call ale#linter#Define(s:filetype, {
    \   'name': 'codellama',
    \   'lsp': 'stdio',
    \   'executable': 'codellama-lsp',
    \   'command': '%e serve',
    \   'project_root': function('s:Root'),
    \   'initialization_options': {'multi_line': 'never'},
    \})
    let s:list = get(g:ale_linters, s:filetype, get(s:lists, s:filetype, []))
    if !empty(s:list)
        let g:ale_linters[s:filetype] = s:list + ['codellama']
    endif
endfor
