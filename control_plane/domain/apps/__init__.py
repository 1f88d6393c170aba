"""Apps: what a manifest means, without a chain at hand.

``manifest`` checks one as a whole; ``references`` says what ``$owner`` and the like stand for on a
rollup, ``abi`` turns such values into those of an ABI, ``pieces`` both into what is sent;
``record`` is what is remembered of it.
"""
