"""Bars and the times they belong to: timeframes, trading calendars, cleaning, holes, resampling. Pure."""
