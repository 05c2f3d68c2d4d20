"""Chinese medical-consultation sales: help first, openness about prices, safety before everything."""
