"""The planner: units cut into chunks of work, and the loop that runs them."""
