"""SQL of notification, one module per table group."""
