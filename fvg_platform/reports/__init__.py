"""Tables and pictures for people: the terminal report, charts."""
