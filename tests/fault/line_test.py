# SPDX-License-Identifier: Apache-2.0
"""The lines to four providers: a good one, one on which everything takes its time, one that
loses requests and answers without a word, and one that is cut in the middle of either."""

import contextlib
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import generate  # noqa: E402
import oracle  # noqa: E402
import scripted  # noqa: E402
from line import Line  # noqa: E402
from receiver import Receiver  # noqa: E402
from stack import Stack  # noqa: E402

COUNT = int(os.environ.get("LINE_COUNT", "400"))
PATHWAY = "falls"
GOOD, LATE, LOSING, CUT = "FLN01", "FLN02", "FLN03", "FLN04"
# what of a request is more than its head of some 300 bytes, and of an answer more than its status
LOSSES = (("lose", "there", 100), "pass", ("lose", "there", 900), ("lose", "back", 0), "pass")
CUTS = (("cut", "there", 100), "pass", ("cut", "there", 900), ("cut", "back", 5), "pass")


class BadLines(unittest.TestCase):
    def test_what_is_late_lost_or_cut_ends_once_and_the_good_line_is_not_touched(self):
        with contextlib.ExitStack() as stack_of:
            receiver = stack_of.enter_context(Receiver())
            late = stack_of.enter_context(Line("127.0.0.2", receiver.port, late=0.3))
            losing = stack_of.enter_context(Line("127.0.0.3", receiver.port, harm=LOSSES))
            cut = stack_of.enter_context(Line("127.0.0.4", receiver.port, harm=CUTS))
            stack = stack_of.enter_context(
                Stack(
                    as_shipped=True,
                    environment={
                        "DISPATCHER_ATTEMPT_TIMEOUT_MS": "3000",
                        "DISPATCHER_RETRY_FIRST_MS": "100",
                        "DISPATCHER_RETRY_MOST_MS": "500",
                        "DISPATCHER_PROBE_FIRST_MS": "200",
                        "DISPATCHER_PROBE_MOST_MS": "400",
                        "DISPATCHER_HOP_LIMIT_MS": "60000",
                    },
                )
            )
            generator = generate.Generator(5, stack.schemas)
            body = scripted.routable(generator, PATHWAY)
            district = body["patient"]["postcode"].split()[0]
            urls = {GOOD: receiver.url, LATE: late.url, LOSING: losing.url, CUT: cut.url}
            scripted.load(
                stack,
                [
                    scripted.row(
                        stack.schemas, generator.places, code, PATHWAY, district, url(code)
                    )
                    for code, url in urls.items()
                ],
            )
            stack.start("router", "dispatcher", "aggregator")
            nominated = [list(urls)[number % len(urls)] for number in range(COUNT)]
            ids = scripted.produce(stack, body, nominated)
            report, ends = oracle.check_ends(self, stack, ids, receiver)
            self.assertEqual(set(ends), set(ids))
            self.assertEqual(report["total"]["delivered"], COUNT)
            oracle.check_marks(self, receiver)
            self.assertGreater(losing.harmed, 2)
            self.assertGreater(cut.harmed, 2)
            good = {one for one, code in zip(ids, nominated) if code == GOOD}
            tries = [
                event["kind"]
                for event in oracle.events(stack)
                if event["referral_id"] in good and event["kind"] == "attempted"
            ]
            self.assertEqual(tries, [], "the good line's first attempts have all succeeded")


if __name__ == "__main__":
    unittest.main(verbosity=2)
