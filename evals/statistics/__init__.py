"""Statistics of trials: how sure a rate, a difference or a ratio is.

Trials of one case resemble each other, so a case is what is drawn from the world and trials are
drawn within it: intervals and tests here go by cases. What is undefined is `None`, never 0.
"""
