"""The benchmark behind `scripts/bench`: this library, its engine, BullMQ in both languages, and other libraries."""
