"""Where bars come from: packages with sample data, folders of files. Each one a BarSource."""
