"""What each request passes: host check, correlation id, authentication, security headers."""
