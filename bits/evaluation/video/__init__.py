"""Video object segmentation: masks carried from frame to frame by patch features, and how they are scored."""
