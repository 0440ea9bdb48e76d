"""The reader: landmarks, pose, and the morphable model's coefficients of a face."""
