"""Trading: from probabilities to decisions, and what acting on them would have brought, net of costs.

Pure: DataFrames and numbers in and out. The rule that the backtest tries is the one that live signals go by.
"""
