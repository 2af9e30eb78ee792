"""A look-alike of the vendor Polygon for tests and for working offline: any folder of bars over its protocol.

`folder` reads the bars, `aggregates` and `adjust` make of them what the vendor would, `questions` reads what is
asked, `reference` and `vendor` answer it, `faults` spoils answers on request; `server` does all this over HTTP on
this machine, on the connections of `wire`.
"""
