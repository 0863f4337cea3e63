# Code Llama for Kakoune, through kakoune-lsp 18 or newer. Source it from your kakrc, behind kakoune-lsp.
# It stands beside a language's own server: both are asked.
hook -group codellama global BufSetOption filetype=(?:c|cpp|go|java|javascript|python|rust|typescript) %{
    set-option -add buffer lsp_servers %{
        [codellama]
        command = "codellama-lsp"
        args = ["serve"]
        root_globs = [".git", ".hg"]
    }
}
