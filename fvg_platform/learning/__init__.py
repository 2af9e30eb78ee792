"""Learning: from labelled setups to calibrated probabilities, and how good these are.

Pure: DataFrames and numbers in and out. Splits by time with purge and embargo, three algorithms behind one
interface, calibration, the choice among them on the training period's folds, evaluation with intervals, and
the decision when to retrain. LightGBM, scikit-learn, SciPy and purgedcv are imported where they are used, so
that importing this package costs no more than importing pandas.
"""
