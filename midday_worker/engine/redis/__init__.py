"""Redis: connections and the commands on them, and what their errors mean."""
