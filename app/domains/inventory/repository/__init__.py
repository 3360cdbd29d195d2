"""Every SQL statement of the inventory: types in `skus`, their `prices`, `images`, machines in `nodes`, their slots in
`slots`, planned work in `maintenance`, `power`, `history`, and the operator's list in `fleet`."""
