"""The work that stages keep to go on from: seen and removed."""
