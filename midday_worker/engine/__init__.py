"""The one door to BullMQ and Redis: what the rest of the house needs of them, typed and with its faults cured."""
