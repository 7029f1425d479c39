
#compdef cachectl

_cachectl_completion() {
  eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _CACHECTL_COMPLETE=complete_zsh cachectl)
}

compdef _cachectl_completion cachectl

