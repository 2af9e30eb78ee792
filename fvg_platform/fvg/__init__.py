"""Fair Value Gaps: detection, lifecycle, setups and outcomes, exactly as the specification says. Pure."""
