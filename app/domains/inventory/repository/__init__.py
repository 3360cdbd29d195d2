"""Every SQL statement of the inventory: types and prices in `catalog`, `images`, machines in
`nodes`, their slots in `slots`, the operator's list in `fleet`."""
