"""Deposits and withdrawals, derived from the two chains: there are no records to disagree with."""
