"""Pure rules of storage: how a file is cut, what it is served as, which names a namespace may have."""
