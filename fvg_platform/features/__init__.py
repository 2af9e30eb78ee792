"""What was known about a series when a bar closed: indicators and the catalogue that describes them. Pure."""
