"""Pure rules of the operator's console: files that are safe to open, actions in plain words, who may approve."""
