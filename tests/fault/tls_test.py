# SPDX-License-Identifier: Apache-2.0
"""TLS in a running system: servers that are what they should be, and servers that are not, behind
certificates made here by an implementation that is not ours."""

import pathlib
import ssl
import sys
import unittest
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import generate  # noqa: E402
import oracle  # noqa: E402
import scripted  # noqa: E402
from certificates import Certificate  # noqa: E402
from receiver import Answer, Receiver  # noqa: E402
from stack import Stack, wait_until  # noqa: E402

CLOSE = Answer(headers=(("Connection", "close"),))
# What comes of a server that must not be spoken to.
DOUBTFUL = {
    "wrong name": "tls-wrong-name",
    "expired": "tls-out-of-date",
    "not yet": "tls-out-of-date",
    "self-signed": "tls-untrusted",
    "tls 1.1": "tls-failed",
    "plain": "bad-endpoint",
}


def old_fashioned(certificate):
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        return certificate.server(version=ssl.TLSVersion.TLSv1_1)


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = cls.enterClassContext(
            Stack(
                environment={
                    "DISPATCHER_ALLOW_HTTP": "false",
                    "DISPATCHER_RETRY_FIRST_MS": "300",
                    "DISPATCHER_RETRY_MOST_MS": "300",
                    "DISPATCHER_HOP_LIMIT_MS": "300000",  # nobody waits for it
                    "DISPATCHER_CONNECT_TIMEOUT_MS": "20000",  # what fails does so at once
                }
            )
        )
        folder = cls.stack.dir / "certificates"
        folder.mkdir()
        authority = Certificate(folder, "authority", authority=True)
        stranger = Certificate(folder, "stranger", authority=True)

        def made(name, issuer=authority, **facts):
            return Certificate(folder, name, issuer, **{"hosts": ("localhost",), **facts})

        right = made("right")
        made("default-client"), made("other-client")
        for ending in ("crt", "key"):
            folder.joinpath(f"nobody.{ending}").write_text("no PEM\n")
        contexts = {
            "right": right.server(),
            "closes": right.server(),
            "closes 1.2": right.server(version=ssl.TLSVersion.TLSv1_2),
            "wrong name": made("wrong", hosts=("elsewhere.example",)).server(),
            "expired": made("expired", starts=-9, ends=-1).server(),
            "not yet": made("not-yet", starts=1, ends=9).server(),
            "self-signed": made("self", issuer=None).server(),
            "tls 1.1": old_fashioned(right),
            "asks": right.server(clients_of=authority),
            "asks another": right.server(clients_of=authority),
            "asks in vain": right.server(clients_of=stranger),
            "no certificate of ours": right.server(clients_of=authority),
            "plain": None,
        }
        columns = {
            "asks another": {"certificate": "other-client"},
            "no certificate of ours": {"certificate": "nobody"},
        }
        cls.generator = generate.Generator(1, cls.stack.schemas)
        places = cls.generator.places
        cls.receivers, cls.codes, rows = {}, {}, []
        for number, (name, context) in enumerate(contexts.items()):
            receiver = Receiver(tls=context, host="localhost").start()
            cls.addClassCleanup(receiver.stop)
            cls.receivers[name], cls.codes[name] = receiver, f"FTA{number:02d}"
            if name.startswith("closes"):
                receiver.script(cls.codes[name], CLOSE)
            rows.append(
                scripted.row(
                    cls.stack.schemas,
                    places,
                    cls.codes[name],
                    cls.pathway(name),
                    sorted(places)[0],
                    receiver.url(cls.codes[name]),
                    **columns.get(name, {}),
                )
            )
        cls.receivers["asks too"], cls.codes["asks too"] = cls.receivers["asks"], "FTZ99"
        rows.append(
            scripted.row(
                cls.stack.schemas,
                places,
                "FTZ99",
                "blood-pressure",
                sorted(places)[0],
                cls.receivers["asks"].url("FTZ99"),
                certificate="other-client",
            )
        )
        cls.stack.environment.update(
            DISPATCHER_CA_FILE=str(authority.crt),
            DISPATCHER_CLIENT_CERT_FILE=str(folder / "default-client.crt"),
            DISPATCHER_CLIENT_KEY_FILE=str(folder / "default-client.key"),
            DISPATCHER_CERTIFICATES_DIR=str(folder),
        )
        scripted.load(cls.stack, rows)
        cls.stack.start()
        cls.ids = {name: cls.post(name) for name in contexts}

    @staticmethod
    def pathway(name):
        """Those whose connections are counted are no other's next provider."""
        return "contraception" if name.startswith("closes") else "blood-pressure"

    @classmethod
    def post(cls, name, number=0):
        body = scripted.routable(cls.generator, cls.pathway(name))
        body["nominated_provider"] = cls.codes[name]
        return scripted.post(cls.stack, body, f"{name}-{number}")

    def came(self, name, referral_id=None):
        wanted = referral_id or self.ids[name]

        def wanted_of(requests):
            return [r for r in requests if r.referral_id == wanted]

        self.receivers[name].wait_for(wanted_of, 30, name)
        return wanted_of(self.receivers[name].snapshot())[0]

    def results(self, name):
        """What came of the attempts with the nominated provider."""
        return [
            event["result"]
            for event in oracle.events(self.stack)
            if event["referral_id"] == self.ids[name]
            and event["destination"] == self.codes[name]
            and event["kind"] == "attempted"
        ]

    def test_a_server_of_the_given_authority_and_of_its_name_is_spoken_to(self):
        self.assertEqual(self.came("right").client, "")

    def test_any_other_gets_nothing_and_the_attempt_says_why(self):
        for name, result in DOUBTFUL.items():
            with self.subTest(name):
                results = wait_until(lambda name=name: self.results(name), 30, name)
                self.assertEqual(set(results), {result})
                self.assertEqual(self.receivers[name].snapshot(), [])

    def test_where_ours_is_no_certificate_nothing_is_sent_and_it_is_no_attempt(self):
        said = wait_until(
            lambda: self.stack.told("dispatcher", "send-held-up"), 30, "send-held-up"
        )
        self.assertEqual(said[0]["code"], "no-certificate")
        self.assertEqual(said[0]["destination"], self.codes["no certificate of ours"])
        self.assertEqual(self.results("no certificate of ours"), [])
        self.assertEqual(self.receivers["no certificate of ours"].snapshot(), [])

    def test_one_that_asks_for_a_certificate_is_shown_the_default_one(self):
        self.assertEqual(self.came("asks").client, "default-client")

    def test_a_provider_may_be_shown_a_certificate_of_its_own(self):
        self.assertEqual(self.came("asks another").client, "other-client")

    def test_a_kept_connection_is_not_used_under_another_name(self):
        for number in (7, 8):
            for name, client in (("asks", "default-client"), ("asks too", "other-client")):
                referral_id = self.post(name, number)
                self.assertEqual(self.came(name, referral_id).client, client)

    def test_one_that_does_not_believe_our_certificate_gets_nothing(self):
        results = wait_until(lambda: self.results("asks in vain"), 30, "asks in vain")
        self.assertLessEqual(set(results), {"connection-lost", "tls-failed"})
        self.assertEqual(self.receivers["asks in vain"].snapshot(), [])

    def test_a_new_connection_resumes_the_session_of_the_one_before(self):
        for name in ("closes", "closes 1.2"):
            with self.subTest(name):
                self.assertFalse(self.came(name).resumed)
                for number in (1, 2):
                    self.assertTrue(self.came(name, self.post(name, number)).resumed)
                self.assertEqual(self.receivers[name].connections, 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
