"""Action recognition: what a frozen embedding knows of which action a clip shows."""
