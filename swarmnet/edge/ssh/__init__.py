"""SSH: configuration, host keys, logins, commands and the streams to engines."""
