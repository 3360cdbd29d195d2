"""Wire shapes of the operator's console: query strings, forms, JSON, and the structs that its pages get."""
