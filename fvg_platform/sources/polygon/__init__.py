"""Bars, tickers and splits from the vendor Polygon (now also called Massive), over its REST interface.

`transport` asks and never takes an unsound answer for data, `aggregates` and `reference` read the answers, `windows`
and `session_bars` hold what the calendar has to say, and `source` puts them together as a VendorSource.
"""
