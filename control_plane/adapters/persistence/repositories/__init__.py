"""One repository per aggregate; each works within the transaction that it is given."""
