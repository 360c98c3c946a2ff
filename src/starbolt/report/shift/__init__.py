"""Whether the test objects are drawn as the others were: in what is measured of them, and in how they are answered.

Told are differences that chance does not explain (p < 0.001, after Bonferroni where several are tested) and that are
large enough to matter; what is harmless is not told at all.
"""
