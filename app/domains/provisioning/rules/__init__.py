"""Pure decisions of provisioning, one module each: plain values in, plain values out, no clock and no database."""
