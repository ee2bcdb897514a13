"""What the runs of this node use: sampled while they live, added up, exported, and told when they are over."""
