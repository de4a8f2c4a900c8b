"""Targets for copies of backups: directories, SFTP servers, buckets of S3-compatible stores."""
