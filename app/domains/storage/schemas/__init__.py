"""Wire shapes of storage: JSON in and out, forms, and the structs its pages get."""
