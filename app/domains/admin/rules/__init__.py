"""Pure rules of the operator's console: safe export files, labels of actions, who may approve."""
