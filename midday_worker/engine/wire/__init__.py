"""The wire: what a job is in Redis, in BullMQ's keys and encodings."""
