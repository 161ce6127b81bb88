"""Open one context after another in a process of torchrun, whose store outlives each of them."""

import faulthandler
import time

from kerasx import backend, distribution

if __name__ == "__main__":
    faulthandler.dump_traceback_later(60, exit=True)
    for turn in range(3):
        with distribution.data_parallel():
            rank = backend.process_index()
            time.sleep(0.5 * rank)  # the first process is ahead
            assert backend.gather_objects((turn, rank), "batch") == [(turn, 0), (turn, 1)]
        assert backend.process_count() == 1
