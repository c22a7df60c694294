"""Between an experiment and people: what is asked of them goes out, their answers come in."""
