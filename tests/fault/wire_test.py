# SPDX-License-Identifier: Apache-2.0
"""What goes over the wire, judged by implementations that are not ours: signatures and their
rotation in a dispatcher that runs."""

import base64
import pathlib
import signal
import subprocess
import sys
import unittest

import jsonschema
import standardwebhooks
import yaml
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import generate  # noqa: E402
import scripted  # noqa: E402
from receiver import Receiver  # noqa: E402
from stack import SOURCE_DIR, Stack, wait_until  # noqa: E402

BREAKER_FAILURES = 5
OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the one that a Stack begins with
NEW = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
OWN = "whsec_plJ3nmyCDGBKInavdOK15jsl9B2V7gsg"


def verifies(request, secret):
    try:
        standardwebhooks.Webhook(secret).verify(request.body.decode(), request.headers)
    except standardwebhooks.WebhookVerificationError:
        return False
    return True


def verifies_asymmetric(request, public):
    """The same for a whpk_ key, as the specification of Standard Webhooks has it."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    names = ("webhook-id", "webhook-timestamp")
    content = ".".join(request.headers[name] for name in names).encode() + b"." + request.body
    for signature in request.headers["webhook-signature"].split(" "):
        version, value = signature.split(",")
        if version == "v1a":
            try:
                key.verify(base64.b64decode(value), content)
                return True
            except InvalidSignature:
                pass
    return False


def documented_keys(folder):
    """(whsk_, whpk_), made by the very commands that docs/operating.md gives."""
    text = (SOURCE_DIR / "docs" / "operating.md").read_text()
    commands = text[text.index("openssl genpkey -algorithm ed25519") :].split("```")[0]
    done = subprocess.run(
        ["bash", "-euc", commands], cwd=folder, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.split()


class Wire(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.receiver = Receiver().start()
        cls.addClassCleanup(cls.receiver.stop)
        cls.stack = cls.enterClassContext(Stack())
        cls.secrets = cls.stack.dir / "secrets"
        cls.secrets.mkdir()
        cls.secrets.joinpath("own").write_text(OWN + "\n")
        cls.stack.environment["DISPATCHER_SECRETS_DIR"] = str(cls.secrets)
        cls.generator = generate.Generator(1, cls.stack.schemas)
        cls.codes = {name: f"FWB{n:02d}" for n, name in enumerate(cls.generator.examples)}
        scripted.load(
            cls.stack,
            [
                *(cls.row(code, pathway) for pathway, code in cls.codes.items()),
                cls.row("FWA01"),
                cls.row("FWA02", secret="own"),
                cls.row("FWA03", secret="none"),
                cls.row("FWA04", secret="pair"),
                cls.row("FWA05", secret="later"),
                cls.row("FWA06", certificate="nobody"),
            ],
        )
        cls.stack.start()

    @classmethod
    def row(cls, code, pathway="blood-pressure", **columns):
        places = cls.generator.places
        return scripted.row(
            cls.stack.schemas,
            places,
            code,
            pathway,
            sorted(places)[0],
            cls.receiver.url(code),
            **columns,
        )

    def deliver(self, code, body=None, headers=None):
        """The request that came in for a referral nominated to that provider."""
        body = body or self.generator.body("blood-pressure")
        body["nominated_provider"] = code
        key = f"{self.id()}-{len(self.receiver.snapshot())}"
        referral_id = scripted.post(self.stack, body, key, headers)

        def came(requests):
            return [r for r in requests if r.referral_id == referral_id]

        self.receiver.wait_for(came, 30, f"a delivery to {code}")
        return came(self.receiver.snapshot())[0]

    def reload(self, fact):
        """SIGHUP, and what the dispatcher says to it."""
        log = self.stack.log_path("dispatcher")
        size = log.stat().st_size
        self.stack.processes["dispatcher"].send_signal(signal.SIGHUP)
        wait_until(lambda: fact in log.read_text()[size:], 20, fact)

    def verified_by(self, code):
        request = self.deliver(code)
        return {name for name in ("OLD", "NEW", "OWN") if verifies(request, globals()[name])}

    def test_a_secret_is_rotated_while_the_dispatcher_runs(self):
        path = self.stack.dir / "webhook.secret"
        self.addCleanup(self.reload, "reloaded")
        self.addCleanup(path.write_text, f"{OLD}\n")
        self.assertEqual(self.verified_by("FWA01"), {"OLD"})
        path.write_text(f"{NEW}\n{OLD}\n")
        self.reload('"reloaded"')
        self.assertEqual(self.verified_by("FWA01"), {"NEW", "OLD"})
        path.write_text("whsec_nonsense\n")
        self.reload('"reload-kept-the-old"')
        self.assertEqual(self.verified_by("FWA01"), {"NEW", "OLD"})
        path.write_text(f"{NEW}\n")
        self.reload('"reloaded"')
        self.assertEqual(self.verified_by("FWA01"), {"NEW"})

    def test_a_providers_own_secret_is_rotated_while_the_dispatcher_runs(self):
        path = self.secrets / "own"
        self.assertEqual(self.verified_by("FWA02"), {"OWN"})
        path.write_text(f"{NEW}\n{OWN}\n")
        self.reload('"reloaded"')
        self.assertEqual(self.verified_by("FWA02"), {"NEW", "OWN"})

    def test_a_private_key_signs_so_that_the_public_key_verifies(self):
        path = self.secrets / "pair"
        private, public = documented_keys(self.stack.dir)
        path.write_text(f"{private}\n")
        request = self.deliver("FWA04")
        self.assertTrue(verifies_asymmetric(request, public))
        request.body += b" "
        self.assertFalse(verifies_asymmetric(request, public))
        path.write_text(f"{OLD}\n{private}\n")
        self.reload('"reloaded"')
        request = self.deliver("FWA04")
        self.assertTrue(verifies(request, OLD) and verifies_asymmetric(request, public))

    def test_each_pathways_callback_is_what_the_openapi_file_says(self):
        api = yaml.safe_load((SOURCE_DIR / "docs" / "openapi.yaml").read_text())
        operation = api["webhooks"]["referral.created"]["post"]
        schema = {
            "components": api["components"],
            **operation["requestBody"]["content"]["application/json"]["schema"],
        }
        validator = jsonschema.Draft202012Validator(
            schema, format_checker=jsonschema.FormatChecker()
        )
        described = {one["name"].lower(): one for one in operation["parameters"]}
        ordinary = {"host", "user-agent", "accept", "content-type", "content-length"}
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        for pathway, code in self.codes.items():
            with self.subTest(pathway):
                body = scripted.routable(self.generator, pathway)
                request = self.deliver(code, body, {"traceparent": trace})
                self.assertEqual(list(validator.iter_errors(request.document)), [])
                self.assertEqual(set(request.headers) - ordinary - set(described), set())
                needed = {name for name, one in described.items() if one.get("required")}
                self.assertEqual(needed - set(request.headers), set())
                self.assertEqual(request.headers["traceparent"].split("-")[1], trace.split("-")[1])
                broken = {**request.document, "unknown": 1}
                self.assertNotEqual(list(validator.iter_errors(broken)), [])

    def held(self, code):
        """What the dispatcher said of why it holds this destination."""
        facts = wait_until(
            lambda: [
                one
                for one in self.stack.told("dispatcher", "destination-held")
                if one["destination"] == code
            ],
            20,
            f"{code} held",
        )
        self.assertEqual(len(facts), 1)
        return facts[0]

    def test_a_provider_whose_secret_is_missing_is_held_and_not_called_unwell(self):
        for number in range(BREAKER_FAILURES + 3):
            body = self.generator.body("blood-pressure")
            body["nominated_provider"] = "FWA03"
            scripted.post(self.stack, body, f"no-secret-{number}")
        fact = self.held("FWA03")
        self.assertEqual(fact["code"], "no-secret")
        self.assertIn(str(self.secrets / "none"), fact["detail"])
        self.assertEqual([r for r in self.receiver.snapshot() if r.provider == "FWA03"], [])
        (seen,) = self.stack.ask_dispatchers("list", "FWA03")["destinations"]
        self.assertEqual(seen["dispatcher"]["state"], "unusable")
        self.assertNotIn("no-secret", str(self.stack.metrics("dispatcher")))
        self.secrets.joinpath("none").write_text(f"{NEW}\n")
        self.reload('"reloaded"')
        came = self.receiver.wait_for(
            lambda got: len([r for r in got if r.provider == "FWA03"]) == BREAKER_FAILURES + 3,
            30,
            "FWA03",
        )
        self.assertTrue(
            all(
                verifies(r, NEW) and "referral-possible-duplicate" not in r.headers
                for r in self.receiver.snapshot()
                if r.provider == "FWA03"
            ),
            came,
        )

    def test_a_provider_whose_secret_comes_later_needs_no_reload(self):
        body = self.generator.body("blood-pressure")
        body["nominated_provider"] = "FWA05"
        scripted.post(self.stack, body, "later")
        self.held("FWA05")
        self.secrets.joinpath("later").write_text(f"{NEW}\n")
        self.receiver.wait_for(
            lambda got: any(r.provider == "FWA05" and verifies(r, NEW) for r in got), 30, "FWA05"
        )

    def test_a_provider_whose_certificate_of_ours_is_missing_is_held_too(self):
        body = self.generator.body("blood-pressure")
        body["nominated_provider"] = "FWA06"
        scripted.post(self.stack, body, "no-certificate")
        self.assertEqual(self.held("FWA06")["code"], "no-certificate")
        self.assertEqual([r for r in self.receiver.snapshot() if r.provider == "FWA06"], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
