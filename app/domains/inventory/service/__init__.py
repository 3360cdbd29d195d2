"""Use cases of the inventory: `catalog`, `prices`, `images`, `slots`, `nodes`, `fleet` (operators), `import_nodes`."""
