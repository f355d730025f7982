"""What every rule shares: the shape of a rule, discovery, edits and the movement of code."""
