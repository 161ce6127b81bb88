"""Boosted networks of two units have a training error below ∏ Z_k, and the test error goes on falling after it is 0.

AdaBoost trains 40 networks of two hidden units on 1,000 of scikit-learn's digits (8 x 8 pixels, odd
or even) and is tested on the other 797. The number of units and the learning rate were chosen on a
seed that is not shown, for a training error that reaches 0 within the rounds.
"""
