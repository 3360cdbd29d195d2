"""Pure rules of the terminal: what is kept of the output, how fast a client may talk, why a shell ended in words."""
