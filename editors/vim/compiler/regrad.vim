" :compiler regrad, then :make fills the quickfix list with the findings of the current file. For Vim and Neovim.
if exists("current_compiler")
  finish
endif
let current_compiler = "regrad"

CompilerSet makeprg=regrad\ check\ --output-format\ concise\ %:S
CompilerSet errorformat=%f:%l:%c:\ %m
