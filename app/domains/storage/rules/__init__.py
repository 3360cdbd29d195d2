"""Pure rules of storage: parts of a file, how it is served, names of namespaces, orders of listings."""
