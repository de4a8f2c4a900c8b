"""What makes scheduled runs start: systemd, cron, launchd. Their files carry our mark, and those of others stay."""
