"""Many files, many repositories, many machines: plans, mends, proves and hands over branches, patches and results."""
