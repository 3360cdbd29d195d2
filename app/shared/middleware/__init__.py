"""What every request passes: host check, correlation id, authentication, security headers. See `request` and `headers`."""
