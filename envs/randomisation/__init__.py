"""What an episode may draw anew: ranges, the drawing, what all simulators need to set it."""
