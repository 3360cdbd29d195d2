"""Wire shapes of notification: JSON in and out, forms, and the structs that its pages get."""
