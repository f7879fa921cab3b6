"""What terms stand near, measured against chance: densities, clusters, years, and the lists they are measured by."""
