"""Segmentation: what each place of a frozen encoder's maps knows of what is seen there."""
