"""Who calls and what they may do. Routes declare what they need; one guard denies what declares nothing."""
